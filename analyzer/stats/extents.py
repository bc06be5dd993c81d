"""The range of each unit of a site: its smallest and largest pre-activation, and how often it is active."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .block import Block, check_units

EXACT_IN_FLOAT32 = 2**24


@dataclass(frozen=True, eq=False)
class UnitRanges:
    """Range and activity of every unit, from which Jumpstart's definition 1 and constraints (3), (4) follow.

    Args:
        count: number of pre-activations of each unit: samples times positions.
        samples: number of samples.
        low: smallest z of each unit (unit,).
        high: largest z of each unit (unit,).
        active: how often z > 0, strictly, in each unit (unit,), int64.

    >>> ranges = UnitRanges.of(Block(np.array([[[1.0, -2.0]], [[3.0, 0.0]]])))
    >>> ranges.low.tolist(), ranges.high.tolist(), ranges.active.tolist(), ranges.count
    ([1.0, -2.0], [3.0, 0.0], [2, 0], 2)
    """

    count: int
    samples: int
    low: NDArray[Any]
    high: NDArray[Any]
    active: NDArray[np.int64]

    @classmethod
    def of(cls, block: Block) -> Self:
        """The statistic of one block."""
        samples, positions, _ = block.z.shape
        count = samples * positions
        exact = np.float32 if count <= EXACT_IN_FLOAT32 else np.float64
        active = block.active.sum(axis=(0, 1), dtype=exact).astype(np.int64)
        return cls(count, samples, block.low.min(axis=0), block.high.max(axis=0), active)

    def merge(self, other: Self) -> Self:
        """The statistic of two disjoint parts of the data together.

        Raises:
            StateError: the two are of sites with different numbers of units.
        """
        check_units("unit ranges", self.low.size, other.low.size)
        return type(self)(
            self.count + other.count,
            self.samples + other.samples,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.active + other.active,
        )
