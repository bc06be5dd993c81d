"""The registry of measures: their names, the statistics they need and their formulas."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..stats import (
    CoMoment,
    LabelledPatterns,
    Patterns,
    PointMargins,
    Points,
    PreactivationCoMoment,
    Statistic,
    UnitRanges,
)
from ..values.plain_data import Value
from . import jumpstart, pattern_counts, vanishing_nodes


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A formula, and the statistics that are its arguments.

    Args:
        name: the name by which the option `measures` selects it.
        needs: statistic types of one site, in the order of the formula's arguments.
        formula: pure function of those statistics; returns values by name, per-unit values as arrays (unit,).
        default: whether it is computed when `measures` is not given.
        labels: whether its statistics need the class of each sample.
    """

    name: str
    needs: tuple[type[Statistic], ...]
    formula: Callable[..., dict[str, Value]]
    default: bool = True
    labels: bool = False

    def __call__(self, *statistics: Any) -> dict[str, Value]:
        """Evaluate the formula on statistics of the types in `needs`."""
        return self.formula(*statistics)


MEASURES: tuple[Measure, ...] = (
    Measure(name="units", needs=(UnitRanges,), formula=jumpstart.units),
    Measure(name="points", needs=(Points,), formula=jumpstart.points),
    Measure(name="patterns", needs=(Patterns,), formula=pattern_counts.patterns),
    Measure(name="vni", needs=(CoMoment,), formula=vanishing_nodes.node_redundancy),
    Measure(name="margins", needs=(UnitRanges, PointMargins), formula=jumpstart.margins, default=False),
    Measure(
        name="preactivation_vni",
        needs=(PreactivationCoMoment,),
        formula=vanishing_nodes.preactivation_redundancy,
        default=False,
    ),
    Measure(
        name="information",
        needs=(Patterns, LabelledPatterns),
        formula=pattern_counts.information,
        default=False,
        labels=True,
    ),
)
