"""The report as a small HTML table, as a notebook shows it: no style, no script, every text escaped."""

from typing import TYPE_CHECKING

from . import summary
from .columns import COLUMNS, present
from .escaped import row, text

if TYPE_CHECKING:
    from ..report import Report


def snippet(report: "Report") -> str:
    """Title, table of the sites, values of the network and notes.

    >>> from relucid.analyzer.report import Report, SiteReport
    >>> snippet(Report((SiteReport("act", "relu", {"units": 10}),), made={"model": "net.onnx"})).count("<tr>")
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
