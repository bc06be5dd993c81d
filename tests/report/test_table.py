"""The table fits its width for any names, and shows every number."""

import io
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from relucid.analyzer.report import Report, SiteReport
from relucid.analyzer.report.columns import COLUMNS
from relucid.analyzer.report.formatting import estimate, printable, share, shorten_names, truncate_middle
from relucid.analyzer.report.sheet import fit_sheet, report_sheet
from relucid.analyzer.values.estimate import Estimate

anything = st.text(st.characters(codec=None), max_size=120)


def printed(report, **options):
    file = io.StringIO()
    Console(file=file, force_jupyter=False, **options).print(report)
    return file.getvalue()


def shown_columns(report, width):
    columns, *_ = fit_sheet(report_sheet(report), width=width)
    return [column.name for column in columns]


def body(text):
    """The lines between the rule and the next empty one."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("──")) + 1
    return lines[start : lines.index("", start)]


def test_every_number_is_shown(usual):
    text = str(usual)
    for heading in (
        "site",
        "kind",
        "units",
        "dead",
        "linear",
        "nonlin.",
        "points",
        "patterns",
        "top",
        "entropy",
        "VNI",
    ):
        assert heading in text
    row = next(line for line in body(text) if line.startswith("block1.act1"))
    assert row.split() == [
        "block1.act1",
        "relu",
        "32",
        "3",
        "2",
        "27",
        "2",
        "311",
        "0.019",
        "8.12",
        "0.956",
        "0.081",
        "30.4",
    ]
    row = next(line for line in body(text) if line.startswith("block2.act1"))
    assert row.split()[-2:] == ["-", "-"]
    for line in (
        "digits.onnx",
        "360 samples",
        "1.31.1",
        "CPUExecutionProvider",
        "9 (0.025)",
        "0.9722",
        "sites all dead: block2.act1",
    ):
        assert line in text
    assert "note: the data has 360 samples" in text
    assert "loop.act (relu): inside a Loop body" in text


def test_an_estimate_is_marked_and_has_its_error(usual, enormous):
    text = str(usual)
    assert "~1.235M" in text
    assert "±0.005M" in text
    assert "~ marks an estimate" in text
    assert "~" not in str(Report(tuple(site for site in usual.sites if site.name != "block1.act2")))
    assert sum("±" in line for line in body(str(enormous))) == len(enormous.sites)


def test_the_table_fits_and_every_site_has_its_own_line(usual, enormous):
    for report in (usual, enormous, Report(())):
        assert all(cell_len(line) <= 100 for line in str(report).splitlines())
    rows = [line for line in body(str(enormous)) if not line.lstrip().startswith("±")]
    assert len(rows) == len(enormous.sites)
    assert len({row[:20] for row in rows}) == len(rows)


def test_optional_columns_are_shown_where_there_is_room(usual):
    more = {"preactivation_vni": 0.125, "unit_upper_satisfied": 0.75, "mutual_information": None}
    few = Report((SiteReport("act", "relu", {"units": 4, "patterns": 3, **more}),), network={"accuracy": 0.5})
    assert shown_columns(few, 100) == [
        "units",
        "patterns",
        "mutual_information",
        "preactivation_vni",
        "unit_upper_satisfied",
    ]
    assert body(str(few))[-1].split() == ["act", "relu", "4", "3", "-", "0.125", "0.750"]
    assert shown_columns(few, 40)[:2] == ["units", "patterns"]
    every = [SiteReport(site.name, site.kind, {**site.values, **more}) for site in usual.sites]
    without = set(shown_columns(usual, 100))
    assert without <= set(shown_columns(Report(tuple(every)), 100))
    assert all(cell_len(line) <= 40 for line in printed(Report(tuple(every)), width=40, color_system=None).splitlines())


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_a_narrow_terminal_loses_columns_not_digits(usual, width):
    text = printed(usual, width=width, color_system=None)
    assert all(cell_len(line) <= min(width, 100) for line in text.splitlines())
    shown = set(shown_columns(usual, min(width, 100)))
    gone = " ".join(text.split()).partition("no room for ")[2].partition(": see --json or --out")[0]
    assert set(filter(None, gone.split(", "))) == {column.name for column in COLUMNS} - shown
    assert bool(gone) == (width < 100)
    assert "…" not in "".join(line[20:] for line in body(text) if "leaky" not in line and "le…" not in line)


@settings(max_examples=60)
@given(st.lists(anything, min_size=1, max_size=12, unique=True), anything)
def test_any_names_fit(names, kind):
    sites = tuple(SiteReport(name, kind, {"units": 3, "patterns": Estimate(1e7, 10.0), "vni": None}) for name in names)
    text = str(Report(sites, provenance={"model": kind}, notes=(kind,), not_analysable=((names[0], kind, kind),)))
    assert all(cell_len(line) <= 100 for line in text.splitlines())
    assert not [c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs"} and c != "\n"]


def test_nothing_in_a_name_is_markup(enormous):
    assert "[bold]markup[/bold]" in str(enormous)
    assert "\x1b" not in str(enormous)


def test_colour_on_a_terminal_only(usual):
    coloured = printed(usual, width=100, force_terminal=True, color_system="standard")
    assert "\x1b[" in coloured
    assert "\x1b" not in printed(usual, width=100)
    plain = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == str(usual).splitlines()


def test_absent_measures_have_no_column(usual):
    few = Report(tuple(SiteReport(site.name, site.kind, {"units": site.units, "vni": 0.5}) for site in usual.sites))
    assert shown_columns(few, 100) == ["units", "vni"]


def test_a_report_without_sites():
    assert "no site could be analysed" in str(Report(()))


@given(st.lists(anything.map(printable), max_size=20, unique=True), st.integers(6, 40))
def test_short_names_fit_and_differ(names, width):
    short = shorten_names(names, width)
    assert all(cell_len(name) <= width for name in short)
    assert len(set(short)) == len(names)
    assert all(a == b for a, b in zip(names, short, strict=True) if cell_len(a) <= width and "#" not in b)


def test_differences_in_the_middle_stay_visible():
    paths = [f"model.backbone.encoder.layers.{i}.blocks.0.mlp.activation_fn" for i in range(12)]
    assert all(re.search(rf"…{i}\.", name) for i, name in enumerate(shorten_names(paths, 31)))


@given(anything, st.integers(1, 50))
def test_truncation_keeps_both_ends(text, width):
    text = printable(text)
    short = truncate_middle(text, width)
    assert cell_len(short) <= width
    head, _, tail = short.partition("…") if cell_len(text) > width else (text, "", "")
    assert text.startswith(head)
    assert text.endswith(tail)


@given(st.floats(0, 1))
def test_a_share_is_never_rounded_to_0_or_1(value):
    text = share(value)
    assert (text == "0") == (value == 0)
    assert (text == "1") == (value == 1)
    assert text not in {"0.000", "1.000"}
    if text[0] in "01":
        assert abs(float(text) - value) <= 0.0005000001


@given(st.floats(0, 1e12), st.just(0.0) | st.floats(1e-300, 1e9), st.integers(0, 3))
def test_an_estimate_never_claims_less_error_than_it_has(value, error, places):
    match = re.fullmatch(r"~(-?[\d.]+)([kMG]?)±([\d.]+)([kMG]?)", estimate(Estimate(value, error), places=places))
    scale = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}[match[2]]
    assert match[2] == match[4]
    assert float(match[3]) * scale >= error * (1 - 1e-5)
    assert (
        abs(float(match[1]) * scale - value) <= max(float(match[3]) * scale, 0.5 * 10.0**-places * scale) + 1e-9 * value
    )
