"""report.html: one page that needs no network; every text in it is escaped, and only its own script may run."""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from ..values.estimate import Estimate
from ..values.plain_data import Value
from . import charts, summary
from .columns import ASKED, COLUMNS, MORE, Column, present
from .formatting import count, number, printable, share, shortened
from .schema import BY_NAME
from .sheet import Sheet

if TYPE_CHECKING:
    from .report import Report, SiteReport


def text(words: str) -> str:
    """The words as a run of their own.

    >>> text("<b>")
    '<bdi>&lt;b&gt;</bdi>'
    """
    return f"<bdi>{escape(printable(words))}</bdi>"


def row(tag: str, cells: Iterable[str]) -> str:
    """A row of a table, its cells of one kind.

    >>> row("th", ["site"])
    '<tr><th><bdi>site</bdi></th></tr>'
    """
    return f"<tr>{''.join(f'<{tag}>{text(cell)}</{tag}>' for cell in cells)}</tr>"


LISTED = 200
NAME = 72
LEGEND = "".join(f'<span class="key {kind}">{kind}</span>' for kind in ("dead", "nonlinear", "linear"))


def report_to_page(report: "Report") -> str:
    """The whole page."""
    template = files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    script = template.partition("<script>")[2].partition("</script>")[0]
    return Template(template).substitute(
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        title=escape(summary.title(report)),
        header=text(summary.header(report)),
        tiles="".join(_tile(*tile) for tile in _tiles(report)),
        pictures=_pictures(report),
        table=_table(report),
        network=_section("The network", "<dl>", _definitions(summary.network(report)), "</dl>"),
        notes=_section("Notes", "<ul>", [f"<li>{text(note)}</li>" for note in summary.notes(report)], "</ul>"),
        not_analysable=_not_analysable(report),
        which=_section("Which units", "<p>Numbers of dead and linear units, by site.</p>", _which_units(report), ""),
        made=_section("How it was made", "<dl>", _definitions(_made(report)), "</dl>"),
    )


def _section(heading: str, before: str, rows: Iterable[str], after: str) -> str:
    """A part of the page, or nothing where it would be empty."""
    inside = "".join(rows)
    return f"<section><h2>{heading}</h2>{before}{inside}{after}</section>" if inside else ""


def _definitions(rows: Iterable[tuple[str, str]]) -> Iterable[str]:
    return (f"<dt>{text(words)}</dt><dd>{text(value)}</dd>" for words, value in rows)


def _made(report: "Report") -> Iterable[tuple[str, str]]:
    for name, value in report.provenance.items():
        listed = [f"{key}={item}" for key, item in value.items()] if isinstance(value, Mapping) else value
        yield name.replace("_", " "), ", ".join(map(str, listed)) if isinstance(listed, list | tuple) else str(listed)


def _not_analysable(report: "Report") -> str:
    head = '<div class="wide"><table class="plain"><tr><th>place</th><th>kind</th><th>reason</th></tr>'
    rows = (
        f'<tr><td class="name">{text(name)}</td><td>{text(kind)}</td><td class="reason">{text(reason)}</td></tr>'
        for name, kind, reason in report.not_analysable
    )
    return _section("Not analysable", head, rows, "</table></div>")


def _tile(value: str, words: str, detail: str, kind: str) -> str:
    return f'<div class="tile {kind}"><b>{escape(value)}</b><span>{escape(words)}</span><i>{escape(detail)}</i></div>'


def _tiles(report: "Report") -> Iterable[tuple[str, str, str, str]]:
    """(value, words, detail, class) of the few numbers a reader looks for first."""
    refused = len(report.not_analysable)
    yield count(len(report.sites)), "sites", f"{refused} not analysable" if refused else "all analysed", ""
    units = sum(int(number(site.values.get("units")) or 0) for site in report.sites)
    yield count(units), "units", "", ""
    for kind in ("dead", "linear"):
        lists = [site.values[f"{kind}_units"] for site in report.sites if f"{kind}_units" in site.values]
        if lists:
            found = sum(int(number(units_of_kind) or 0) for units_of_kind in lists)
            yield (
                count(found),
                f"{kind} units",
                f"{share(found / units)} of all" if units else "",
                kind if found else "",
            )
    if isinstance(somewhere := report.network.get("dead_points_somewhere"), int):
        ratio = report.network.get("dead_points_somewhere_ratio")
        detail = f"{share(ratio)} of all" if isinstance(ratio, float) else ""
        yield count(somewhere), "points dead at some site", detail, "dead" if somewhere else ""
    if isinstance(accuracy := report.network.get("accuracy"), float):
        yield f"{accuracy:.4f}", "accuracy", "", ""


def _pictures(report: "Report") -> str:
    """The figures that the report has values for."""
    names = [printable(site.name) for site in report.sites]
    figures = []
    for what in ("unit", "point"):
        dead, linear = ([_share(site, f"{kind}_{what}_ratio") for site in report.sites] for kind in ("dead", "linear"))
        if any(f"dead_{what}_ratio" in site.values for site in report.sites):
            label = f"Share of dead, linear and nonlinear {what}s at each site"
            figures.append((f"{what.capitalize()}s{LEGEND}", charts.stacks(names, dead, linear, label=label)))
    for name, heading in (("relative_entropy", "Relative entropy of the patterns"), ("vni", "VNI")):
        dots = [_dot(site.values.get(name)) for site in report.sites]
        if any(dots):
            figures.append((heading, charts.line(names, dots, label=f"{heading} at each site", kind=name)))
    numbered = ", by their numbers in the table" if len(names) > charts.NAMED else ""
    drawn = (f"<figure><figcaption>{heading}</figcaption>{picture}</figure>" for heading, picture in figures)
    return _section("Along depth", f"<p>From the first site to the last{numbered}.</p>", drawn, "")


def _share(site: "SiteReport", name: str) -> float:
    return number(site.values.get(name)) or 0.0


def _dot(value: Value) -> charts.Dot | None:
    known = number(value)
    return None if known is None else charts.Dot(known, value.error if isinstance(value, Estimate) else 0.0)


def _table(report: "Report") -> str:
    if not report.sites:
        return "<section><h2>Sites</h2><p>No site could be analysed.</p></section>"
    news = tuple(column for column in MORE if column.alarm != "dead" or _any_above_zero(report, column))
    columns = present(COLUMNS + news + ASKED, report)
    heads = [f'<th class="text"><button>{word}</button></th>' for word in ("#", "site", "kind")]
    for column in columns:
        meaning = escape(f"{column.name}: {BY_NAME[column.name].meaning}")
        heads.append(f'<th><button title="{meaning}">{escape(" ".join(filter(None, column.heading)))}</button></th>')
    names = shortened([printable(site.name) for site in report.sites], NAME)
    rows = (
        f'<tr><td data-v="{depth}">{depth}</td>'
        f'<td class="name" title="{escape(printable(site.name))}">{text(name)}</td>'
        f'<td class="text">{text(site.kind)}</td>{"".join(_cell(column, site.values) for column in columns)}</tr>'
        for depth, (site, name) in enumerate(zip(report.sites, names, strict=True), 1)
    )
    mark = "<p>~ marks an estimate, ± its standard error.</p>" if summary.estimated(report) else ""
    head = f'<div class="wide"><table class="sortable"><thead><tr>{"".join(heads)}</tr></thead><tbody>'
    return _section("Sites", mark + head, rows, "</tbody></table></div>")


def _cell(column: Column, values: Mapping[str, Value]) -> str:
    value = number(values.get(column.name))
    kind = column.alarm if value else ("none" if not value and column.alarm else "")
    sortable = "" if value is None else repr(value)
    cell, _, error = column.cell(values, between="\n").partition("\n")
    shown = escape(cell) + (f"<small>{escape(error)}</small>" if error else "")
    return f'<td class="{kind}" data-v="{sortable}">{shown}</td>'


def _any_above_zero(report: "Report", column: Column) -> bool:
    return any(number(site.values.get(column.name)) for site in report.sites)


def _which_units(report: "Report") -> Iterable[str]:
    """For each site with dead or linear units, their numbers behind a fold."""
    for depth, site in enumerate(report.sites, 1):
        lists = {kind: site.values.get(f"{kind}_units") for kind in ("dead", "linear")}
        known = {kind: units for kind, units in lists.items() if isinstance(units, tuple) and units}
        if known:
            found = ", ".join(f"{count(len(units))} {kind}" for kind, units in known.items())
            yield f"<details><summary>{depth} {text(site.name)} <i>{found}</i></summary>"
            yield from (f'<p><span class="key {kind}">{kind}</span> {ranges(known[kind])}</p>' for kind in known)
            yield "</details>"


def ranges(numbers: tuple[int, ...]) -> str:
    """Ascending numbers with neighbours joined, at most 200 pieces.

    >>> ranges((1, 2, 3, 7, 9, 10))
    '1-3, 7, 9-10'
    """
    pieces: list[list[int]] = []
    for n in numbers:
        if pieces and n == pieces[-1][1] + 1:
            pieces[-1][1] = n
        else:
            pieces.append([n, n])
    shown = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in pieces[:LISTED])
    return shown + (" ... (the rest is in report.json)" if len(pieces) > LISTED else "")


HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ border-bottom: 1px solid #8884; padding: .25rem .6rem; text-align: right; }}
th:first-child, td:first-child {{ text-align: left; }}
</style></head><body>
"""


def sheet_to_snippet(sheet: Sheet) -> str:
    """Title, table, lines and notes, without a style."""
    heading = row("th", [sheet.what, *(" ".join(filter(None, column.heading)) for column in sheet.columns)])
    columns = [sheet.cells(column) for column in sheet.columns]
    rows = (row("td", [name, *cells]) for (name, _), *cells in zip(sheet.rows, *columns, strict=True))
    lines = [f"{words}: {value}" for words, value in sheet.lines]
    lines += ["~ marks an estimate, ± its standard error"] * sheet.estimated
    lines += [f"note: {note}" for note in sheet.notes]
    lines += [f"not compared: {name} ({kind}): {reason}" for name, kind, reason in sheet.refused]
    return (
        f"<div><p><b>{text(sheet.title)}</b><br>{text(sheet.header)}</p>"
        f"<table><thead>{heading}</thead><tbody>{''.join(rows)}</tbody></table>"
        f"{''.join(f'<p>{text(line)}</p>' for line in lines)}</div>"
    )


def sheet_to_page(sheet: Sheet) -> str:
    """The same as a whole page."""
    return f"{HEAD.format(title=escape(printable(sheet.title)))}{sheet_to_snippet(sheet)}\n</body></html>\n"


def report_to_snippet(report: "Report") -> str:
    """Title, table of the sites, values of the network and notes.

    >>> from relucid.analyzer.report import Report, SiteReport
    >>> report = Report((SiteReport("act", "relu", {"units": 10}),), provenance={"model": "net.onnx"})
    >>> report_to_snippet(report).count("<tr>")
    2
    """
    columns = present(COLUMNS, report)
    heading = row("th", ["site", "kind", *(" ".join(filter(None, column.heading)) for column in columns)])
    rows = (
        row("td", [site.name, site.kind, *(column.cell(site.values) for column in columns)]) for site in report.sites
    )
    lines = [f"{words}: {value}" for words, value in summary.network(report)]
    lines += [f"note: {note}" for note in summary.notes(report)]
    if report.not_analysable:
        lines.append(f"not analysable: {len(report.not_analysable)}")
    return (
        f"<div><p><b>{text(summary.title(report))}</b><br>{text(summary.header(report))}</p>"
        f"<table><thead>{heading}</thead><tbody>{''.join(rows)}</tbody></table>"
        f"{''.join(f'<p>{text(line)}</p>' for line in lines)}</div>"
    )
