"""The columns of a report's table, in order: the value each shows and how it is formatted."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..values.plain_data import Value
from .data import ReportData
from .formatting import Formatter, count, decimals, format_value, share


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: key of the value it shows.
        heading: its two lines.
        exact: formats an exact number.
        places: maximum number of decimals of an estimate.
        alarm: "dead" or "linear" to highlight numbers above 0 in that colour, else "".
    """

    name: str
    heading: tuple[str, str]
    exact: Formatter
    places: int = 0
    alarm: str = ""

    def cell(self, values: Mapping[str, Value], *, between: str = "") -> str:
        """Return the formatted value; `between` separates an estimate from its error."""
        return format_value(values.get(self.name), self.exact, places=self.places, between=between)


COLUMNS = (
    Column("units", ("", "units"), count),
    Column("dead_units", ("dead", "units"), count, alarm="dead"),
    Column("linear_units", ("linear", "units"), count, alarm="linear"),
    Column("nonlinear_units", ("nonlin.", "units"), count),
    Column("dead_point_count", ("dead", "points"), count, alarm="dead"),
    Column("patterns", ("", "patterns"), count),
    Column("top_pattern", ("top", "pattern"), share, places=3),
    Column("entropy", ("entropy", "(bits)"), decimals(2), places=2),
    Column("relative_entropy", ("rel.", "entropy"), share, places=3),
    Column("vni", ("", "VNI"), share, places=3),
    Column("effective_units", ("eff.", "units"), decimals(1), places=1),
)
PAGE_COLUMNS = (
    Column("positions", ("", "positions"), lambda value: f"{value:,.6g}", places=1),
    Column("linear_point_count", ("linear", "points"), count, alarm="linear"),
    Column("active_share", ("active", "share"), share, places=3),
    Column("nonfinite_values", ("not finite", "values"), count, alarm="dead"),
)
"""Shown on the HTML page only."""
OPTIONAL_COLUMNS = (
    Column("mutual_information", ("mutual", "inf."), decimals(2), places=2),
    Column("conditional_entropy", ("entropy", "| label"), decimals(2), places=2),
    Column("preactivation_vni", ("VNI", "of z"), share, places=3),
    Column("unit_upper_satisfied", ("units", "above"), share, places=3),
    Column("unit_lower_satisfied", ("units", "below"), share, places=3),
    Column("point_upper_satisfied", ("points", "above"), share, places=3),
    Column("point_lower_satisfied", ("points", "below"), share, places=3),
)
"""Of measures that are not computed by default: shown on the page, and in the terminal if the width allows."""


def select_columns(columns: tuple[Column, ...], report: ReportData) -> tuple[Column, ...]:
    """Return the columns whose value at least one site of the report has, even if it is None."""
    return tuple(column for column in columns if any(column.name in site.values for site in report.sites))
