"""A report as HTML: a self-contained page with charts, a plain page, and a snippet for notebooks.

All text is escaped, and a content security policy allows no script but the page's own and no request.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files
from string import Template

from ..values.estimate import Estimate
from ..values.plain_data import Value
from . import charts, summary
from .columns import COLUMNS, OPTIONAL_COLUMNS, PAGE_COLUMNS, Column, select_columns
from .data import ReportData, SiteReport
from .formatting import count, number, printable, share, shorten_names
from .schema import REPORT_FIELDS_BY_NAME
from .sheet import Sheet

MAX_RANGES = 200
"""Maximum number of ranges of unit numbers listed for a site."""
NAME_WIDTH = 72
LEGEND = "".join(f'<span class="key {kind}">{kind}</span>' for kind in ("dead", "nonlinear", "linear"))


def report_to_page(report: ReportData) -> str:
    """Return the page of a report: figures, charts, a sortable table, notes and provenance."""
    template = files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    script = template.partition("<script>")[2].partition("</script>")[0]
    return Template(template).substitute(
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        title=escape(summary.title(report)),
        header=_text(summary.header(report)),
        tiles="".join(_tile(*tile) for tile in _tiles(report)),
        pictures=_charts(report),
        table=_table(report),
        network=_section("The network", "<dl>", _definitions(summary.network_lines(report)), "</dl>"),
        notes=_section("Notes", "<ul>", [f"<li>{_text(note)}</li>" for note in summary.notes(report)], "</ul>"),
        not_analysable=_not_analysable(report),
        which=_section("Which units", "<p>Numbers of dead and linear units, by site.</p>", _which_units(report), ""),
        made=_section("How it was made", "<dl>", _definitions(_provenance(report)), "</dl>"),
    )


def _section(heading: str, before: str, rows: Iterable[str], after: str) -> str:
    """Return a section of the page, or "" without rows."""
    inside = "".join(rows)
    return f"<section><h2>{heading}</h2>{before}{inside}{after}</section>" if inside else ""


def _definitions(rows: Iterable[tuple[str, str]]) -> Iterable[str]:
    return (f"<dt>{_text(label)}</dt><dd>{_text(value)}</dd>" for label, value in rows)


def _provenance(report: ReportData) -> Iterable[tuple[str, str]]:
    for name, value in report.provenance.items():
        listed = [f"{key}={item}" for key, item in value.items()] if isinstance(value, Mapping) else value
        yield name.replace("_", " "), ", ".join(map(str, listed)) if isinstance(listed, list | tuple) else str(listed)


def _not_analysable(report: ReportData) -> str:
    head = '<div class="wide"><table class="plain"><tr><th>place</th><th>kind</th><th>reason</th></tr>'
    rows = (
        f'<tr><td class="name">{_text(name)}</td><td>{_text(kind)}</td><td class="reason">{_text(reason)}</td></tr>'
        for name, kind, reason in report.not_analysable
    )
    return _section("Not analysable", head, rows, "</table></div>")


def _tile(value: str, label: str, detail: str, kind: str) -> str:
    return f'<div class="tile {kind}"><b>{escape(value)}</b><span>{escape(label)}</span><i>{escape(detail)}</i></div>'


def _tiles(report: ReportData) -> Iterable[tuple[str, str, str, str]]:
    """Yield (value, label, detail, class) of the main numbers."""
    excluded = len(report.not_analysable)
    yield count(len(report.sites)), "sites", f"{excluded} not analysable" if excluded else "all analysed", ""
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


def _charts(report: ReportData) -> str:
    """Return the charts whose values the report has."""
    names = [printable(site.name) for site in report.sites]
    charted = []
    for what in ("unit", "point"):
        dead, linear = ([_share(site, f"{kind}_{what}_ratio") for site in report.sites] for kind in ("dead", "linear"))
        if any(f"dead_{what}_ratio" in site.values for site in report.sites):
            label = f"Share of dead, linear and nonlinear {what}s at each site"
            chart = charts.stacked_bars(names, dead, linear, label=label)
            charted.append((f"{what.capitalize()}s{LEGEND}", chart))
    for name, heading in (("relative_entropy", "Relative entropy of the patterns"), ("vni", "VNI")):
        values = [_number(site.values.get(name)) for site in report.sites]
        if any(value is not None for value in values):
            chart = charts.line_chart(names, values, label=f"{heading} at each site", kind=name)
            charted.append((heading, chart))
    numbered = ", by their numbers in the table" if len(names) > charts.MAX_NAMED_SITES else ""
    figures = (f"<figure><figcaption>{heading}</figcaption>{chart}</figure>" for heading, chart in charted)
    return _section("Along depth", f"<p>From the first site to the last{numbered}.</p>", figures, "")


def _share(site: SiteReport, name: str) -> float:
    return number(site.values.get(name)) or 0.0


def _number(value: Value) -> float | Estimate | None:
    return value if isinstance(value, Estimate) else number(value)


def _table(report: ReportData) -> str:
    if not report.sites:
        return "<section><h2>Sites</h2><p>No site could be analysed.</p></section>"
    more = tuple(column for column in PAGE_COLUMNS if column.alarm != "dead" or _any_above_zero(report, column))
    columns = select_columns(COLUMNS + more + OPTIONAL_COLUMNS, report)
    heads = [f'<th class="text"><button>{heading}</button></th>' for heading in ("#", "site", "kind")]
    for column in columns:
        meaning = escape(f"{column.name}: {REPORT_FIELDS_BY_NAME[column.name].meaning}")
        heads.append(f'<th><button title="{meaning}">{escape(" ".join(filter(None, column.heading)))}</button></th>')
    names = shorten_names([printable(site.name) for site in report.sites], NAME_WIDTH)
    rows = (
        f'<tr><td data-v="{depth}">{depth}</td>'
        f'<td class="name" title="{escape(printable(site.name))}">{_text(name)}</td>'
        f'<td class="text">{_text(site.kind)}</td>{"".join(_cell(column, site.values) for column in columns)}</tr>'
        for depth, (site, name) in enumerate(zip(report.sites, names, strict=True), 1)
    )
    mark = "<p>~ marks an estimate, ± its standard error.</p>" if summary.has_estimates(report) else ""
    head = f'<div class="wide"><table class="sortable"><thead><tr>{"".join(heads)}</tr></thead><tbody>'
    return _section("Sites", mark + head, rows, "</tbody></table></div>")


def _cell(column: Column, values: Mapping[str, Value]) -> str:
    value = number(values.get(column.name))
    kind = column.alarm if value else ("none" if not value and column.alarm else "")
    sortable = "" if value is None else repr(value)
    cell, _, error = column.cell(values, between="\n").partition("\n")
    shown = escape(cell) + (f"<small>{escape(error)}</small>" if error else "")
    return f'<td class="{kind}" data-v="{sortable}">{shown}</td>'


def _any_above_zero(report: ReportData, column: Column) -> bool:
    return any(number(site.values.get(column.name)) for site in report.sites)


def _which_units(report: ReportData) -> Iterable[str]:
    """Yield a foldable list of unit numbers for each site with dead or linear units."""
    for depth, site in enumerate(report.sites, 1):
        lists = {kind: site.values.get(f"{kind}_units") for kind in ("dead", "linear")}
        known = {kind: units for kind, units in lists.items() if isinstance(units, tuple) and units}
        if known:
            found = ", ".join(f"{count(len(units))} {kind}" for kind, units in known.items())
            yield f"<details><summary>{depth} {_text(site.name)} <i>{found}</i></summary>"
            yield from (f'<p><span class="key {kind}">{kind}</span> {format_ranges(known[kind])}</p>' for kind in known)
            yield "</details>"


def format_ranges(numbers: tuple[int, ...]) -> str:
    """Format ascending numbers as ranges, at most `MAX_RANGES` of them.

    >>> format_ranges((1, 2, 3, 7, 9, 10))
    '1-3, 7, 9-10'
    """
    ranges: list[list[int]] = []
    for n in numbers:
        if ranges and n == ranges[-1][1] + 1:
            ranges[-1][1] = n
        else:
            ranges.append([n, n])
    listed = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in ranges[:MAX_RANGES])
    return listed + (" ... (the rest is in report.json)" if len(ranges) > MAX_RANGES else "")


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


def sheet_to_page(sheet: Sheet) -> str:
    """Return a table as a plain page."""
    return f"{HEAD.format(title=escape(printable(sheet.title)))}{sheet_to_snippet(sheet)}\n</body></html>\n"


def sheet_to_snippet(sheet: Sheet) -> str:
    """Return title, table, lines and notes as HTML without a style.

    >>> from .data import ReportData
    >>> from .sheet import report_sheet
    >>> report = ReportData((SiteReport("act", "relu", {"units": 10}),), provenance={"model": "net.onnx"})
    >>> sheet_to_snippet(report_sheet(report)).count("<tr>")
    2
    """
    kinds = () if sheet.kinds is None else (("kind", *sheet.kinds),)
    columns = [
        (sheet.heading, *(name for name, _ in sheet.rows)),
        *kinds,
        *((" ".join(filter(None, column.heading)), *sheet.cells(column)) for column in sheet.columns),
    ]
    heading, *rows = zip(*columns, strict=True)
    lines = [f"{label}: {value}" for label, value in sheet.lines]
    lines += ["~ marks an estimate, ± its standard error"] * (sheet.estimated and not sheet.brief)
    lines += [f"note: {note}" for note in sheet.notes]
    if not sheet.brief:
        lines += [f"{sheet.excluded_label}: {name} ({kind}): {reason}" for name, kind, reason in sheet.excluded]
    elif sheet.excluded:
        lines.append(f"{sheet.excluded_label}: {len(sheet.excluded)}")
    return (
        f"<div><p><b>{_text(sheet.title)}</b><br>{_text(sheet.header)}</p>"
        f"<table><thead>{_row('th', heading)}</thead><tbody>{''.join(_row('td', row) for row in rows)}</tbody></table>"
        f"{''.join(f'<p>{_text(line)}</p>' for line in lines)}</div>"
    )


def _row(tag: str, cells: Iterable[str]) -> str:
    """Return a row of a table.

    >>> _row("th", ["site"])
    '<tr><th><bdi>site</bdi></th></tr>'
    """
    return f"<tr>{''.join(f'<{tag}>{_text(cell)}</{tag}>' for cell in cells)}</tr>"


def _text(text: str) -> str:
    """Return escaped text whose direction does not affect the text around it.

    >>> _text("<b>")
    '<bdi>&lt;b&gt;</bdi>'
    """
    return f"<bdi>{escape(printable(text))}</bdi>"
