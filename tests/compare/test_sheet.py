"""Comparisons in the terminal and as HTML, escaped and fitted to the width, and conditions on them."""

import io
import re
from itertools import chain
from pathlib import Path

import pytest
from rich.console import Console

from relucid.analyzer.atomic_write import write_all
from relucid.analyzer.compare.comparison import COURSE_PAIR_VALUES, COURSE_STATE_VALUES, Comparison, Course
from relucid.analyzer.compare.sheet import COMPARISON_COLUMNS, COURSE_COLUMNS
from relucid.analyzer.errors import OptionError
from relucid.analyzer.report import SiteReport
from relucid.analyzer.report.condition import Condition
from relucid.analyzer.report.schema import COMPARISON_FIELDS
from relucid.analyzer.values.estimate import Estimate

COLUMNS = tuple(chain.from_iterable(COMPARISON_COLUMNS))
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "compare.md"


def site(name: str = "act", **values: object) -> SiteReport:
    usual = {
        "units": 12,
        "distance": 0.25,
        "temperature": 0.415,
        "flip_share": 0.031,
        "weighted_jaccard": 0.8,
        "jaccard": 0.7,
        "added": 1234,
        "removed": 7,
        "net_change": -0.125,
        "entropy_before": 9.876,
        "entropy_after": 10.123,
        "vni_before": 0.3,
        "vni_after": None,
    }
    return SiteReport(name, "relu", {**usual, **values})  # type: ignore[dict-item]


def comparison(*sites: SiteReport, **network: object) -> Comparison:
    whole = {"mean_distance": 0.25, "network_temperature": 0.415, "mean_temperature": 0.5, "clipped_sites": ()}
    return Comparison(sites, {**whole, **network}, provenance={"model": "a.onnx → b.onnx"})  # type: ignore[dict-item]


def test_the_table_has_the_numbers() -> None:
    text = str(comparison(site()))
    row = next(line for line in text.splitlines() if line.startswith("act"))
    assert row.split() == "act 0.250 0.41 0.031 0.800 0.700 1,234 7 9.88 10.12 0.300 - -0.125".split()
    assert "no room for units: " in text
    assert text.startswith("a.onnx → b.onnx\n")
    for line in ("mean distance P: 0.250", "temperature of P: 0.41", "mean of the sites' T: 0.50"):
        assert line in text.splitlines()


def test_infinite_temperatures_and_clipped_sites_are_shown() -> None:
    hot = site("hot", distance=1.0, temperature=None)
    text = str(comparison(hot, mean_distance=1.0, network_temperature=None, clipped_sites=("hot",)))
    assert next(line for line in text.splitlines() if line.startswith("hot")).split()[1:3] == ["1", "inf"]
    assert "temperature of P: inf" in text
    assert "infinite ones as log2(2 patterns): hot" in text


@pytest.mark.parametrize("width", [30, 60, 80, 100])
@pytest.mark.parametrize("estimates", [False, True])
def test_it_fits_and_lists_columns_left_out(width: int, estimates: bool) -> None:
    values = {"added": Estimate(123456.0, 7890.0), "entropy_before": Estimate(9.0, 0.3)} if estimates else {}
    sites = [site(f"model.layers.{number}.block.conv.activation", **values) for number in range(3)]
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(comparison(*sites))
    lines = console.export_text().splitlines()
    assert max(len(line) for line in lines) <= width
    gone = " ".join(lines).partition("no room for ")[2].partition(":")[0]
    shown = " ".join(lines)
    for column in COLUMNS[:3]:
        assert (column.heading[1] in shown) != (column.name in gone) or width == 30
    for name in ("entropy", "vni"):
        assert (f"{name}_before" in gone) == (f"{name}_after" in gone)
    names = [line.split()[0] for line in lines if re.match(r"\S*(…|model)", line) and "onnx" not in line]
    assert len(set(names)) == len(names) == 3


def test_estimates_are_marked() -> None:
    assert "~ marks an estimate" in str(comparison(site(added=Estimate(100.0, 5.0))))
    assert "~ marks" not in str(comparison(site()))


def test_names_of_sites_cannot_act_on_the_terminal_or_the_page() -> None:
    evil = comparison(site("<script>alert(1)</script>\x1b[31m"), clipped_sites=("<b>\x1b",))
    assert "\x1b" not in str(evil)
    for page in (evil.to_html(), evil._repr_html_()):
        assert "<script" not in page
        assert "\x1b" not in page
        assert "&lt;script&gt;" in page
    assert "default-src 'none'" in evil.to_html()


def test_the_page_holds_every_column() -> None:
    page = comparison(site()).to_html()
    assert page.count("<th>") == 1 + len(COLUMNS)
    assert page.count("<tr>") == 2
    for cell in ("0.250", "1,234", "10.12", "-0.125"):
        assert f"<bdi>{cell}</bdi>" in page


def course() -> Course:
    network: dict[str, object] = {column.name: (None, 0.5) for column in COURSE_COLUMNS}
    network |= {"states": ("a.onnx", "b.onnx"), "mean_weighted_jaccard_to_first": (1.0, Estimate(0.5, 0.04))}
    return Course((site(),), network, provenance={"model": "a.onnx → b.onnx"})  # type: ignore[arg-type]


def test_a_course_has_one_row_for_each_state() -> None:
    text = str(course())
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if ".onnx  " in line}
    assert rows["a.onnx"] == ["-", "-", "-", "1", "-", "-", "-", "-"]
    assert rows["b.onnx"] == ["0.500", "0.50", "0.500", "~0.50±0.04", "0.500", "0.50", "0.500", "0.500"]
    assert "~ marks an estimate" in text
    assert course().to_html().count("<tr>") == 3


@pytest.mark.parametrize(
    ("text", "firing"),
    [
        ("distance > 0.5", ("b", "c")),
        ("temperature > 3", ("c",)),
        ("temperature < 0.5", ("a",)),
        ("weighted_jaccard < 0.9 and distance >= 0.25", ("a", "b", "c")),
        ("vni_after > 0", ()),
        ("entropy_after - entropy_before > 0.2", ("a", "b", "c")),
        ("mean_distance > 0.2", ("the network",)),
        ("network_temperature > 1", ()),
        ("distance > 2 * mean_distance", ("b", "c")),
        ("added > 2000", ("b",)),
    ],
)
def test_conditions_fire_where_they_hold(text: str, firing: tuple[str, ...]) -> None:
    change = comparison(
        site("a"),
        site("b", distance=0.75, temperature=2.0, added=Estimate(3000.0, 9.0)),
        site("c", distance=1.0, temperature=None),
    )
    assert Condition.parse(text, of="comparison").firing(change) == firing


def test_an_infinite_temperature_of_the_network_is_greater_than_any_number() -> None:
    change = comparison(site(), mean_distance=1.0, network_temperature=None)
    assert Condition.parse("network_temperature > 1e9", of="comparison").firing(change) == ("the network",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("distanse > 0.5", "did you mean 'distance'"),
        ("dead_units > 0.5", "a comparison has no value 'dead_units'"),
        ("distance > 50", "never true of distance, a share between 0 and 1"),
        ("jaccard <= 1", "always true of jaccard"),
        ("1 > 0", "expected a condition that uses a value of the comparison"),
        ("distance", "which is a number"),
        ("import os", "expected a condition"),
    ],
)
def test_invalid_conditions_are_rejected_in_one_line(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message) as refusal:
        Condition.parse(text, of="comparison")
    assert "\n" not in str(refusal.value)


def test_an_unwritable_folder_is_a_one_line_error_and_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match=r"cannot write into .*choose another folder"):
        write_all(tmp_path / "file" / "inside", {"a.txt": "1"})
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(OptionError, match="cannot write"):
        write_all(tmp_path, {"a.txt": "1", "b.txt": "2"})
    assert not list(tmp_path.glob(".*part"))


def test_the_document_lists_the_fields() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (count|number|share|list|truth|text) \| (.*) \|$", text, re.M)
    assert rows == [(field.name, field.kind, field.meaning) for field in COMPARISON_FIELDS]
    names = (*COURSE_STATE_VALUES, *(f"{name}_to_first" for name in COURSE_PAIR_VALUES))
    assert all(f"`{name}`" in text for name in names)
    assert {column.name for column in COLUMNS} <= {field.name for field in COMPARISON_FIELDS}
