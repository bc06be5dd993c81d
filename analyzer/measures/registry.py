"""The registry: which measures there are, which statistics each needs, and what it is read with."""

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
from . import information, jumpstart, patterns, vni


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A formula, and the statistics it is a function of.

    Args:
        name: the user's name for it.
        needs: the statistics of one site, in the order in which the formula takes them.
        formula: pure; from those statistics to named values, a per-unit value being an array (unit,).
        default: whether it is computed unless asked otherwise.
        labels: whether its statistics need the classes of the samples.
    """

    name: str
    needs: tuple[type[Statistic], ...]
    formula: Callable[..., dict[str, Value]]
    default: bool = True
    labels: bool = False

    def __call__(self, *statistics: Any) -> dict[str, Value]:
        """The values, from the statistics named in `needs`."""
        return self.formula(*statistics)


MEASURES: tuple[Measure, ...] = (
    Measure(name="units", needs=(UnitRanges,), formula=jumpstart.units),
    Measure(name="points", needs=(Points,), formula=jumpstart.points),
    Measure(name="patterns", needs=(Patterns,), formula=patterns.patterns),
    Measure(name="vni", needs=(CoMoment,), formula=vni.node_redundancy),
    Measure(name="margins", needs=(UnitRanges, PointMargins), formula=jumpstart.margins, default=False),
    Measure(
        name="preactivation_vni",
        needs=(PreactivationCoMoment,),
        formula=vni.preactivation_redundancy,
        default=False,
    ),
    Measure(
        name="information",
        needs=(Patterns, LabelledPatterns),
        formula=information.information,
        default=False,
        labels=True,
    ),
)
