"""How many points satisfy Jumpstart's constraints (5) and (6), which keep points from being dead or linear."""

from dataclasses import dataclass
from typing import Self

from ..errors import StateError
from .block import Block

UPPER = 1.0
LOWER = -1.0


@dataclass(frozen=True)
class PointMargins:
    """Points that some unit puts beyond the margins. The units' own constraints (3), (4) are read from UnitRanges.

    Args:
        samples: number of points seen.
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
        """What one block shows."""
        above = int((block.top >= upper).sum())
        below = int((block.bottom <= lower).sum())
        return cls(block.z.shape[0], float(upper), float(lower), above, below)

    def merge(self, other: Self) -> Self:
        """What two disjoint parts of the data show together.

        Raises:
            StateError: the two were made with different margins.
        """
        mine, theirs = (self.upper, self.lower), (other.upper, other.lower)
        if mine != theirs:
            raise StateError(f"point margins (upper, lower) {mine} and {theirs} cannot be merged; use the same")
        return type(self)(
            self.samples + other.samples,
            self.upper,
            self.lower,
            self.above + other.above,
            self.below + other.below,
        )
