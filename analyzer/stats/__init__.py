"""Statistics: frozen values with `of` (from one block of data) and `merge` (commutative, associative)."""

from typing import Protocol, Self

from .block import Block, Nonfinite, UnitRanges, finite_samples
from .changes import Changes
from .comoments import CoMoment, PreactivationCoMoment
from .keys import global_keys, pattern_keys
from .labelled import LabelledPatterns
from .margins import PointMargins
from .merge_tree import MergeTree, merge_all
from .patterns import Patterns
from .points import Points, PointTraces, classify

__all__ = [
    "STATISTICS",
    "Block",
    "Changes",
    "CoMoment",
    "LabelledPatterns",
    "MergeTree",
    "Nonfinite",
    "Patterns",
    "PointMargins",
    "PointTraces",
    "Points",
    "PreactivationCoMoment",
    "Statistic",
    "UnitRanges",
    "classify",
    "finite_samples",
    "global_keys",
    "merge_all",
    "pattern_keys",
]


class Statistic(Protocol):
    """A frozen commutative semigroup: results depend neither on how the data is split nor on the order of merging.

    Counts are exactly equal for any split and order, floating sums to 1e-12 relative.
    """

    @classmethod
    def of(cls, block: Block) -> Self:
        """The statistic of one block."""
        ...

    def merge(self, other: Self) -> Self:
        """The statistic of two disjoint parts of the data together."""
        ...


STATISTICS: tuple[type[Statistic], ...] = (
    UnitRanges,
    Points,
    PointMargins,
    CoMoment,
    PreactivationCoMoment,
    Patterns,
    LabelledPatterns,
    Nonfinite,
)


def __dir__() -> list[str]:
    return sorted(__all__)
