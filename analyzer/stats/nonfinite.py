"""NaN and infinite pre-activations, counted separately so that no other statistic contains them."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from .block import Block
from .points import Bools

NONE = -1


def finite_samples(block: Block) -> Bools:
    """Which samples have only finite pre-activations (sample,), found from the extremes: NaN and inf propagate to them.

    >>> finite_samples(Block(np.array([[[1.0, np.nan]], [[0.0, 2.0]], [[-np.inf, 0.0]]]))).tolist()
    [False, True, False]
    """
    return np.isfinite(block.top) & np.isfinite(block.bottom)


@dataclass(frozen=True)
class Nonfinite:
    """Counts of NaN and infinite values, and the first sample with one; only here may a block contain them.

    Args:
        values: number of z that are NaN or infinite.
        samples: number of samples with at least one.
        first: smallest sample number with one; `NONE` (-1) if there is none.

    >>> Nonfinite.of(Block(np.array([[[1.0, np.nan]], [[0.0, 2.0]]]), index=np.array([7, 8])))
    Nonfinite(values=1, samples=1, first=7)
    """

    values: int
    samples: int
    first: int

    @classmethod
    def of(cls, block: Block) -> Self:
        """The statistic of one block."""
        nonfinite = ~finite_samples(block)
        if not nonfinite.any():
            return cls(0, 0, NONE)
        values = int((~np.isfinite(block.z[nonfinite])).sum())
        return cls(values, int(nonfinite.sum()), int(block.index[nonfinite].min()))

    def merge(self, other: Self) -> Self:
        """The statistic of two disjoint parts of the data together."""
        first = min((one.first for one in (self, other) if one.first != NONE), default=NONE)
        return type(self)(self.values + other.values, self.samples + other.samples, first)
