"""The columns of the table, in order: which value of a site each shows and how it is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..values.plain_data import Value
from .formatting import Exact, count, decimals, share, written

if TYPE_CHECKING:
    from .report import Report


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: the value it shows.
        heading: its two lines.
        exact: how an exact number is written.
        places: decimals an estimate may have.
        alarm: "dead" or "linear" where a number above 0 is news, else "".
    """

    name: str
    heading: tuple[str, str]
    exact: Exact
    places: int = 0
    alarm: str = ""

    def cell(self, values: Mapping[str, Value], *, between: str = "") -> str:
        """What stands in the column for one site's values."""
        return written(values.get(self.name), self.exact, places=self.places, between=between)


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
MORE = (
    Column("positions", ("", "positions"), lambda value: f"{value:,.6g}", places=1),
    Column("linear_point_count", ("linear", "points"), count, alarm="linear"),
    Column("active_share", ("active", "share"), share, places=3),
    Column("nonfinite_values", ("not finite", "values"), count, alarm="dead"),
)
"""What the page shows besides."""
ASKED = (
    Column("mutual_information", ("mutual", "inf."), decimals(2), places=2),
    Column("conditional_entropy", ("entropy", "| label"), decimals(2), places=2),
    Column("preactivation_vni", ("VNI", "of z"), share, places=3),
    Column("unit_upper_satisfied", ("units", "above"), share, places=3),
    Column("unit_lower_satisfied", ("units", "below"), share, places=3),
    Column("point_upper_satisfied", ("points", "above"), share, places=3),
    Column("point_lower_satisfied", ("points", "below"), share, places=3),
)
"""Of measures that are not among the defaults: on the page, and in the terminal where there is room."""


def present(columns: tuple[Column, ...], report: "Report") -> tuple[Column, ...]:
    """The columns for which at least one site of the report has a value, be it None."""
    return tuple(column for column in columns if any(column.name in site.values for site in report.sites))
