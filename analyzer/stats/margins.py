"""Points that satisfy Jumpstart's constraints (5) and (6), so that they are neither dead nor linear."""

from dataclasses import dataclass
from typing import Self

from ..errors import StateError
from .block import Block

UPPER = 1.0
LOWER = -1.0


@dataclass(frozen=True)
class PointMargins:
    """Counts of points beyond the margins in some unit. The constraints of units, (3) and (4), follow from UnitRanges.

    Args:
        samples: number of points.
        upper: margin of (5), the paper's 1.
        lower: margin of (6), the paper's -1.
        above: points with max z >= upper over units and positions.
        below: points with min z <= lower over units and positions.

    >>> import numpy as np
    >>> PointMargins.of(Block(np.array([[[1.0, -0.5]], [[2.0, -1.0]]])))
    PointMargins(samples=2, upper=1.0, lower=-1.0, above=2, below=1)
    """

    samples: int
    upper: float
    lower: float
    above: int
    below: int

    @classmethod
    def of(cls, block: Block, *, upper: float = UPPER, lower: float = LOWER) -> Self:
        """The statistic of one block."""
        above = int((block.top >= upper).sum())
        below = int((block.bottom <= lower).sum())
        return cls(block.z.shape[0], float(upper), float(lower), above, below)

    def merge(self, other: Self) -> Self:
        """The statistic of two disjoint parts of the data together.

        Raises:
            StateError: the two have different margins.
        """
        mine, theirs = (self.upper, self.lower), (other.upper, other.lower)
        if mine != theirs:
            raise StateError(
                f"point margins: expected the same (upper, lower) in both parts, got {mine} and {theirs}; use one pair"
            )
        return type(self)(
            self.samples + other.samples,
            self.upper,
            self.lower,
            self.above + other.above,
            self.below + other.below,
        )
