"""Patterns and units of a site that differ between two states of a network, counted over samples and positions."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError
from .block import check_units


@dataclass(frozen=True, eq=False)
class Changes:
    """Changed patterns and units, from which distance and temperature follow (thesis, definitions 5 and 6).

    Args:
        count: number of patterns compared: samples times positions.
        different: how many of them differ in at least one unit.
        flips: how often each unit is active in one state and inactive in the other (unit,), int64.

    >>> changes = Changes.of(np.array([[[1.0, -1.0]], [[1.0, 0.0]]]), np.array([[[2.0, 1.0]], [[3.0, -1.0]]]))
    >>> changes.count, changes.different, changes.flips.tolist()
    (2, 1, [0, 1])
    """

    count: int
    different: int
    flips: NDArray[np.int64]

    @classmethod
    def of(cls, z_a: NDArray[Any], z_b: NDArray[Any]) -> Self:
        """The changes of the same samples between two states.

        Args:
            z_a: pre-activations in one state (sample, position, unit), all finite.
            z_b: in the other.

        Raises:
            StateError: the two have different shapes.
        """
        return cls.of_patterns(z_a > 0, z_b > 0)

    @classmethod
    def of_patterns(cls, a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Self:
        """The same from the patterns z > 0 (sample, position, unit).

        Raises:
            StateError: the two have different shapes.
        """
        if a.shape != b.shape:
            raise StateError(
                f"changes: expected patterns (sample, position, unit) of one shape, got {a.shape} and {b.shape}; "
                "give the same samples and site"
            )
        flipped = a != b
        samples, positions, _ = flipped.shape
        return cls(samples * positions, int(flipped.any(axis=2).sum()), flipped.sum(axis=(0, 1), dtype=np.int64))

    def merge(self, other: Self) -> Self:
        """The statistic of two disjoint parts of the data together.

        Raises:
            StateError: the two are of sites with different numbers of units.
        """
        check_units("changes", self.flips.size, other.flips.size)
        return type(self)(self.count + other.count, self.different + other.different, self.flips + other.flips)
