"""How far each unit of a site ranges: its smallest and largest pre-activation, and how often it is active."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError
from .block import Block

EXACT_IN_FLOAT32 = 2**24


@dataclass(frozen=True, eq=False)
class UnitRanges:
    """Extent and activity of every unit; what Jumpstart's definition 1 and constraints (3), (4) are read from.

    Args:
        count: number of pre-activations seen of each unit: samples times positions.
        samples: number of samples seen.
        low: smallest z of each unit (unit,).
        high: largest z of each unit (unit,).
        active: how often z > 0, strictly, in each unit (unit,), int64.

    >>> seen = UnitRanges.of(Block(np.array([[[1.0, -2.0]], [[3.0, 0.0]]])))
    >>> seen.low.tolist(), seen.high.tolist(), seen.active.tolist(), seen.count
    ([1.0, -2.0], [3.0, 0.0], [2, 0], 2)
    """

    count: int
    samples: int
    low: NDArray[Any]
    high: NDArray[Any]
    active: NDArray[np.int64]

    @classmethod
    def of(cls, block: Block) -> Self:
        """What one block shows."""
        samples, positions, _ = block.z.shape
        count = samples * positions
        exact = np.float32 if count <= EXACT_IN_FLOAT32 else np.float64
        active = block.active.sum(axis=(0, 1), dtype=exact).astype(np.int64)
        return cls(count, samples, block.low.min(axis=0), block.high.max(axis=0), active)

    def merge(self, other: Self) -> Self:
        """What two disjoint parts of the data show together.

        Raises:
            StateError: the two are of sites with different numbers of units.
        """
        if self.low.size != other.low.size:
            raise StateError(f"extents of {self.low.size} and of {other.low.size} units cannot be merged; same site?")
        return type(self)(
            self.count + other.count,
            self.samples + other.samples,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.active + other.active,
        )
