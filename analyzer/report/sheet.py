"""A table as data: rows, columns and the lines around them, and how it is fitted to a width."""

from collections.abc import Mapping
from dataclasses import dataclass

from rich.cells import cell_len

from ..values.plain_data import Value
from . import summary
from .columns import COLUMNS, OPTIONAL_COLUMNS, Column, select_columns
from .data import ReportData
from .formatting import printable, shorten_names, truncate_middle

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
"""Columns of a report that are omitted from a narrow table, in this order."""
NAME_WIDTH, MIN_NAME_WIDTH = 20, 8
"""Minimum width of a name while columns can still be omitted, and in any case, in terminal cells."""
STEPS = (("", 2, 16), ("", 1, 16), ("", 1, 10), ("\n", 1, 16), ("\n", 1, 10), ("\n", 1, 8))
"""Ways to save width, in order: the text between an estimate and its error, the gap between columns, and the width
of a kind."""

Layout = tuple[tuple[Column, ...], tuple[str, ...]]
"""A choice of columns, and the names of the omitted ones."""


@dataclass(frozen=True)
class Sheet:
    """A table with the lines around it, as text except for the numbers.

    Args:
        title: its first line.
        header: one line on how the numbers were computed; not shown if empty.
        heading: of the first column, the names of the rows.
        rows: name and values of each row.
        layouts: choices of columns from all to few; the first that fits the width is shown.
        lines: (label, value) of the lines below the table.
        notes: caveats to read before trusting the numbers.
        excluded: (name, kind, reason) of sites that have no row.
        estimated: whether a number is an estimate.
        kinds: kinds of the rows; None for a table without that column.
        optional: columns added where there is room, in order.
        excluded_label: label of the list of excluded sites.
        empty: sentence shown in place of a table without rows.
        brief: whether the HTML snippet only counts the excluded sites and does not explain the mark of estimates.
    """

    title: str
    header: str
    heading: str
    rows: tuple[tuple[str, Mapping[str, Value]], ...]
    layouts: tuple[Layout, ...]
    lines: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    excluded: tuple[tuple[str, str, str], ...]
    estimated: bool
    kinds: tuple[str, ...] | None = None
    optional: tuple[Column, ...] = ()
    excluded_label: str = "not compared"
    empty: str = ""
    brief: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns except the optional ones."""
        return self.layouts[0][0]

    def cells(self, column: Column, *, between: str = "") -> list[str]:
        """Return the cells of a column, row by row."""
        return [column.cell(values, between=between) for _, values in self.rows]


def report_sheet(report: ReportData) -> Sheet:
    """Return the table of a report, one row per site."""
    columns = select_columns(COLUMNS, report)
    dispensable = [name for name in DISPENSABLE if any(column.name == name for column in columns)]
    return Sheet(
        title=summary.title(report),
        header=summary.header(report),
        heading="site",
        rows=tuple((site.name, site.values) for site in report.sites),
        layouts=tuple(
            (tuple(column for column in columns if column.name not in dispensable[:n]), tuple(dispensable[:n]))
            for n in range(len(dispensable) + 1)
        ),
        lines=tuple(summary.network_lines(report)),
        notes=tuple(summary.notes(report)),
        excluded=summary.excluded_sites(report),
        estimated=summary.has_estimates(report),
        kinds=tuple(site.kind for site in report.sites),
        optional=select_columns(OPTIONAL_COLUMNS, report),
        excluded_label="not analysable",
        empty="no site could be analysed",
        brief=True,
    )


def layouts_by_group(groups: tuple[tuple[Column, ...], ...]) -> tuple[Layout, ...]:
    """Return the layouts of columns in groups, most important first; the last group is omitted first."""
    columns = tuple(column for group in groups for column in group)
    sizes = [sum(map(len, groups[:kept])) for kept in range(len(groups), -1, -1)]
    return tuple((columns[:size], tuple(column.name for column in columns[size:])) for size in sizes)


def fit_sheet(sheet: Sheet, *, width: int) -> tuple[tuple[Column, ...], list[tuple[str, ...]], int, tuple[str, ...]]:
    """Choose the columns and cells of a table for a width in terminal cells.

    Names are shortened first, then gaps and kinds; then estimates take two lines; last, columns are left out. The
    remaining width goes to optional columns.

    Returns:
        The columns; for each row its name, its kind (if the table has kinds) and its cells; the gap between columns;
        and the names of columns left out.
    """
    names = [printable(name) for name, _ in sheet.rows]
    kinds = [printable(kind) for kind in sheet.kinds or ()]
    longest = _max_width([*names, sheet.heading])
    for columns, left_out in sheet.layouts:
        for between, gap, kind_width in STEPS:
            cells = [sheet.cells(column, between=between) for column in columns]
            labels = [[truncate_middle(kind, kind_width) for kind in kinds]] if kinds else []
            room = width - sum(_max_width(["kind", *label]) + gap for label in labels)
            room -= sum(_max_width([*column.heading, *its]) + gap for column, its in zip(columns, cells, strict=True))
            if room >= min(longest, NAME_WIDTH):
                optional, more = _fit_optional(sheet, between, gap, room - longest)
                short = shorten_names(names, min(room, longest))
                rows = list(zip(short, *labels, *cells, *more, strict=True))
                return (*columns, *optional), rows, gap, left_out
    short = shorten_names(names, min(max(room, MIN_NAME_WIDTH), longest))
    return columns, list(zip(short, *labels, *cells, strict=True)), gap, left_out


def _fit_optional(sheet: Sheet, between: str, gap: int, room: int) -> tuple[list[Column], list[list[str]]]:
    """Return the optional columns that fit into the room, in cells, and the cells of each."""
    columns: list[Column] = []
    cells: list[list[str]] = []
    for column in sheet.optional:
        its = sheet.cells(column, between=between)
        room -= _max_width([*column.heading, *its]) + gap
        if room < 0:
            break
        columns.append(column)
        cells.append(its)
    return columns, cells


def _max_width(cells: list[str]) -> int:
    return max(cell_len(line) for cell in cells for line in cell.split("\n"))
