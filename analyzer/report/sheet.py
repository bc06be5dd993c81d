"""A sheet: rows of numbers with a title, lines and notes, as a table in the terminal of at most 100 columns."""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ..values.plain_data import Value
from .columns import Column
from .formatting import middle, printable, shortened

WIDTH = 100


def printed(parts: Iterable[RenderableType]) -> str:
    r"""The parts one below the other, without colours and without blanks at the ends of lines.

    >>> printed(["one  ", "two"])
    'one\ntwo'
    """
    page = io.StringIO()
    console = Console(
        file=page, width=WIDTH, color_system=None, force_terminal=False, force_jupyter=False, legacy_windows=False
    )
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


NAME, LEAST = 20, 8
STEPS = (("", 2), ("", 1), ("\n", 1))
"""Ways to fill the width: what parts an estimate from its error, and the gap between columns."""


@dataclass(frozen=True)
class Sheet:
    """What a comparison shows, as text but for the numbers.

    Args:
        title: its first line.
        header: one line about how the numbers were made.
        what: what each row is of.
        rows: name and values of each row.
        groups: the columns, those that matter most first; of too many the last go, a group as a whole.
        lines: (words, value) of what stands below the table.
        notes: sentences a reader must know.
        refused: (name, kind, reason) of what has no row.
        estimated: whether a number is an estimate.
    """

    title: str
    header: str
    what: str
    rows: tuple[tuple[str, Mapping[str, Value]], ...]
    groups: tuple[tuple[Column, ...], ...]
    lines: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    refused: tuple[tuple[str, str, str], ...]
    estimated: bool

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns."""
        return tuple(chain.from_iterable(self.groups))

    def cells(self, column: Column, *, between: str = "") -> list[str]:
        """What stands in a column, row by row."""
        return [column.cell(values, between=between) for _, values in self.rows]


def renderables(sheet: Sheet, *, width: int = WIDTH) -> Iterator[RenderableType]:
    """What rich prints."""
    width = min(width, WIDTH)
    yield Text(sheet.title, style="bold", overflow="fold")
    yield Text(sheet.header, style="dim", overflow="fold")
    yield Text()
    if sheet.rows:
        table, left_out = _fitted(sheet, width)
        yield table
        yield Text()
        if left_out:
            yield Text(f"no room for {', '.join(left_out)}: see --json or --out", style="dim", overflow="fold")
    for words, value in sheet.lines:
        yield Text.assemble((f"{words}: ", "dim"), value, overflow="fold")
    if sheet.estimated:
        yield Text("~ marks an estimate, ± its standard error", style="dim")
    for note in sheet.notes:
        yield Text.assemble(("note: ", "yellow"), note, overflow="fold")
    if sheet.refused:
        yield Text.assemble(("not compared: ", "yellow"), str(len(sheet.refused)))
        for name, kind, reason in sheet.refused:
            yield Text(f"  {middle(name, 48)} ({kind}): {reason}", overflow="fold")


def as_text(sheet: Sheet) -> str:
    """The sheet as plain text.

    >>> from .formatting import count
    >>> column = Column("patterns", ("", "patterns"), count)
    >>> print(as_text(Sheet("a", "5 samples", "site", (("act", {"patterns": 3}),), ((column,),), (), (), (), False)))
    a
    5 samples
    <BLANKLINE>
    <BLANKLINE>
    site  patterns
    ──────────────
    act          3
    <BLANKLINE>
    """
    return printed(renderables(sheet))


def _fitted(sheet: Sheet, width: int) -> tuple[Table, list[str]]:
    """The table, and the names of columns without room: gaps give way first, then estimates take two lines."""
    names = [printable(name) for name, _ in sheet.rows]
    longest = _widest([*names, sheet.what])
    for kept in range(len(sheet.groups), -1, -1):
        columns = tuple(chain.from_iterable(sheet.groups[:kept]))
        for between, gap in STEPS:
            cells = [sheet.cells(column, between=between) for column in columns]
            taken = sum(_widest([*column.heading, *its]) for column, its in zip(columns, cells, strict=True))
            room = width - taken - gap * len(columns)
            if room >= min(longest, NAME):
                left_out = [column.name for column in sheet.columns[len(columns) :]]
                return _table(sheet.what, columns, shortened(names, min(room, longest)), cells, gap), left_out
    return _table(sheet.what, (), shortened(names, max(width, LEAST)), [], 1), [each.name for each in sheet.columns]


def _table(what: str, columns: tuple[Column, ...], names: list[str], cells: list[list[str]], gap: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap - 1, 0, 0), header_style="bold")
    table.add_column(Text("\n" + what), no_wrap=True)
    for column in columns:
        table.add_column(Text("\n".join(column.heading)), justify="right", no_wrap=True)
    for name, *row in zip(names, *cells, strict=True):
        table.add_row(
            Text(name, style="cyan"), *(Text(cell, style="dim" if cell in {"0", "-"} else "") for cell in row)
        )
    return table


def _widest(cells: list[str]) -> int:
    return max(cell_len(line) for cell in cells for line in cell.split("\n"))
