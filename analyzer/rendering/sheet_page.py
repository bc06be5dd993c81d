"""A sheet as HTML: a table for notebooks, and a page that needs no network, no script, and shows nothing unescaped."""

from html import escape

from .escaped import row, text
from .names import printable
from .sheet import Sheet

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


def snippet(sheet: Sheet) -> str:
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


def page(sheet: Sheet) -> str:
    """The same as a whole page."""
    return f"{HEAD.format(title=escape(printable(sheet.title)))}{snippet(sheet)}\n</body></html>\n"
