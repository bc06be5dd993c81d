"""A table in the terminal, at most 100 columns wide, the same on a terminal as in a file."""

import io
from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from .columns import Column
from .formatting import truncate_middle
from .sheet import Sheet, fit_sheet

MAX_WIDTH = 100
MAX_EXCLUDED_NAME = 48
"""Cells for the name of an excluded site."""
STYLES = {"dead": "bold red", "linear": "bold blue"}


def as_text(sheet: Sheet) -> str:
    """Return the table as plain text.

    >>> from .data import ReportData, SiteReport
    >>> from .sheet import report_sheet
    >>> site = SiteReport("act", "relu", {"units": 10, "dead_units": (3,), "vni": None})
    >>> print(as_text(report_sheet(ReportData((site,), {"samples": 5}, {"model": "net.onnx"}))))
    net.onnx
    5 samples
    <BLANKLINE>
                        dead
    site  kind  units  units  VNI
    ─────────────────────────────
    act   relu     10      1    -
    <BLANKLINE>
    """
    return print_plain(renderables(sheet))


def print_plain(parts: Iterable[RenderableType]) -> str:
    r"""Return the parts one below the other, without colours and trailing blanks.

    >>> print_plain(["one  ", "two"])
    'one\ntwo'
    """
    page = io.StringIO()
    console = Console(
        file=page, width=MAX_WIDTH, color_system=None, force_terminal=False, force_jupyter=False, legacy_windows=False
    )
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def renderables(sheet: Sheet, *, width: int = MAX_WIDTH) -> Iterator[RenderableType]:
    """Yield what rich prints: title, table, lines, notes, and the sites without a row."""
    yield Text(sheet.title, style="bold", overflow="fold")
    if sheet.header:
        yield Text(sheet.header, style="dim", overflow="fold")
    yield Text()
    if sheet.rows:
        columns, rows, gap, left_out = fit_sheet(sheet, width=min(width, MAX_WIDTH))
        yield _table(sheet, columns, rows, gap)
        yield Text()
        if left_out:
            yield Text(f"no room for {', '.join(left_out)}: see --json or --out", style="dim", overflow="fold")
    elif sheet.empty:
        yield Text(sheet.empty)
    for label, value in sheet.lines:
        yield Text.assemble((f"{label}: ", "dim"), value, overflow="fold")
    if sheet.estimated:
        yield Text("~ marks an estimate, ± its standard error", style="dim")
    for note in sheet.notes:
        yield Text.assemble(("note: ", "yellow"), note, overflow="fold")
    if sheet.excluded:
        yield Text.assemble((f"{sheet.excluded_label}: ", "yellow"), str(len(sheet.excluded)))
        for name, kind, reason in sheet.excluded:
            yield Text(f"  {truncate_middle(name, MAX_EXCLUDED_NAME)} ({kind}): {reason}", overflow="fold")


def _table(sheet: Sheet, columns: tuple[Column, ...], rows: list[tuple[str, ...]], gap: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap - 1, 0, 0), header_style="bold")
    labels = [(sheet.heading, "cyan")] if sheet.kinds is None else [(sheet.heading, "cyan"), ("kind", "dim")]
    for heading, _ in labels:
        table.add_column(Text("\n" + heading), no_wrap=True)
    for column in columns:
        table.add_column(Text("\n".join(column.heading)), justify="right", no_wrap=True)
    for row in rows:
        names, cells = row[: len(labels)], row[len(labels) :]
        table.add_row(
            *(Text(name, style=style) for name, (_, style) in zip(names, labels, strict=True)),
            *(Text(cell, style=_style(column, cell)) for cell, column in zip(cells, columns, strict=True)),
        )
    return table


def _style(column: Column, cell: str) -> str:
    return "dim" if cell in {"0", "-"} else STYLES.get(column.alarm, "")
