"""The report as a table in the terminal, at most 100 columns wide, the same whether anybody watches or not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rich import box
from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from . import summary
from .columns import ASKED, COLUMNS, Column, present
from .formatting import middle, printable, shortened
from .sheet import WIDTH, printed

if TYPE_CHECKING:
    from .report import Report

DISPENSABLE = (
    "nonlinear_units",
    "effective_units",
    "top_pattern",
    "relative_entropy",
    "vni",
    "entropy",
    "patterns",
    "dead_point_count",
    "linear_units",
)
ALARM = {"dead": "bold red", "linear": "bold blue"}


class Step(NamedTuple):
    """One way to fill the width: what parts an estimate from its error, the gap, and cells for the kind."""

    between: str
    gap: int
    kind: int


NAME, LEAST = 20, 8
STEPS = (
    Step("", gap=2, kind=16),
    Step("", gap=1, kind=16),
    Step("", gap=1, kind=10),
    Step("\n", gap=1, kind=16),
    Step("\n", gap=1, kind=10),
    Step("\n", gap=1, kind=8),
)


@dataclass(frozen=True)
class Grid:
    """The cells of the table as text, fitted to a width.

    Args:
        columns: those that found room.
        names: of the sites, shortened, different names different.
        kinds: of the sites.
        cells: (site, column); an estimate may take two lines.
        gap: empty cells between columns.
        left_out: headings of columns that found no room.
    """

    columns: tuple[Column, ...]
    names: list[str]
    kinds: list[str]
    cells: list[list[str]]
    gap: int
    left_out: tuple[str, ...]


def fitted(report: "Report", *, width: int) -> Grid:
    """Cells that fit: names give way first, then gaps and kinds, then estimates take two lines, at last columns go.

    What was asked for besides the defaults has the room that is left.
    """
    full = [printable(site.name) for site in report.sites]
    kinds = [printable(site.kind) for site in report.sites]
    longest = _widest([*full, "site"])
    columns = present(COLUMNS, report)
    left_out: tuple[str, ...] = ()
    while True:
        for step in STEPS:
            cells = [[column.cell(site.values, between=step.between) for column in columns] for site in report.sites]
            short = [middle(kind, step.kind) for kind in kinds]
            others = [_widest([*column.heading, *(row[i] for row in cells)]) for i, column in enumerate(columns)]
            room = width - _widest(["kind", *short]) - sum(others) - step.gap * (len(columns) + 1)
            if room >= min(longest, NAME):
                more, its = _asked(report, step, room - longest)
                cells = [[*row, *others] for row, others in zip(cells, its, strict=True)]
                names = shortened(full, min(room, longest))
                return Grid((*columns, *more), names, short, cells, step.gap, left_out)
        dropped = next((column for name in DISPENSABLE for column in columns if column.name == name), None)
        if dropped is None:
            return Grid(columns, shortened(full, min(max(room, LEAST), longest)), short, cells, step.gap, left_out)
        left_out = (*left_out, dropped.name)
        columns = tuple(column for column in columns if column is not dropped)


def _asked(report: "Report", step: Step, room: int) -> tuple[tuple[Column, ...], list[list[str]]]:
    """Columns of what was asked for besides, as many as the room holds, and their cells (site, column)."""
    held: list[Column] = []
    cells: list[list[str]] = [[] for _ in report.sites]
    for column in present(ASKED, report):
        its = [column.cell(site.values, between=step.between) for site in report.sites]
        room -= _widest([*column.heading, *its]) + step.gap
        if room < 0:
            break
        held.append(column)
        cells = [[*row, cell] for row, cell in zip(cells, its, strict=True)]
    return tuple(held), cells


def renderables(report: "Report", *, width: int = WIDTH) -> Iterator[RenderableType]:
    """What rich prints: header, table, the network, notes, and what could not be analysed."""
    width = min(width, WIDTH)
    yield Text(summary.title(report), style="bold", overflow="fold")
    if line := summary.header(report):
        yield Text(line, style="dim", overflow="fold")
    yield Text()
    if report.sites:
        grid = fitted(report, width=width)
        yield _table(grid)
        yield Text()
        if grid.left_out:
            yield Text(f"no room for {', '.join(grid.left_out)}: see --json or --out", style="dim", overflow="fold")
    else:
        yield Text("no site could be analysed")
    for words, value in summary.network(report):
        yield Text.assemble((f"{words}: ", "dim"), value, overflow="fold")
    if summary.estimated(report):
        yield Text("~ marks an estimate, ± its standard error", style="dim")
    for note in summary.notes(report):
        yield Text.assemble(("note: ", "yellow"), note, overflow="fold")
    if report.not_analysable:
        yield Text.assemble(("not analysable: ", "yellow"), str(len(report.not_analysable)))
        for name, kind, reason in report.not_analysable:
            yield Text(f"  {middle(printable(name), 48)} ({printable(kind)}): {printable(reason)}", overflow="fold")


def as_text(report: "Report") -> str:
    """The table as plain text.

    >>> from relucid.analyzer.report import Report, SiteReport
    >>> site = SiteReport("act", "relu", {"units": 10, "dead_units": (3,), "vni": None})
    >>> print(as_text(Report((site,), network={"samples": 5}, provenance={"model": "net.onnx"})))
    net.onnx
    5 samples
    <BLANKLINE>
                        dead
    site  kind  units  units  VNI
    ─────────────────────────────
    act   relu     10      1    -
    <BLANKLINE>
    """
    return printed(renderables(report))


def _table(grid: Grid) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, grid.gap - 1, 0, 0), header_style="bold"
    )
    for heading in ("site", "kind"):
        table.add_column(Text("\n" + heading), no_wrap=True)
    for column in grid.columns:
        table.add_column(Text("\n".join(column.heading)), justify="right", no_wrap=True)
    for name, kind, row in zip(grid.names, grid.kinds, grid.cells, strict=True):
        cells = [Text(cell, style=_style(column, cell)) for column, cell in zip(grid.columns, row, strict=True)]
        table.add_row(Text(name, style="cyan"), Text(kind, style="dim"), *cells)
    return table


def _style(column: Column, cell: str) -> str:
    if cell in {"0", "-"}:
        return "dim"
    return ALARM.get(column.alarm, "")


def _widest(cells: list[str]) -> int:
    return max(cell_len(line) for cell in cells for line in cell.split("\n"))
