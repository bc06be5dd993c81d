"""How many decisions of a site differ between two states of a network, sample by sample and position by position."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError


@dataclass(frozen=True, eq=False)
class Changes:
    """Patterns and units that changed; what distance and temperature are read from (thesis, definitions 5 and 6).

    Args:
        count: number of patterns compared: samples times positions.
        different: how many of them differ in at least one unit.
        flips: how often each unit is active in one state and inactive in the other (unit,), int64.

    >>> seen = Changes.of(np.array([[[1.0, -1.0]], [[1.0, 0.0]]]), np.array([[[2.0, 1.0]], [[3.0, -1.0]]]))
    >>> seen.count, seen.different, seen.flips.tolist()
    (2, 1, [0, 1])
    """

    count: int
    different: int
    flips: NDArray[np.int64]

    @classmethod
    def of(cls, z_a: NDArray[Any], z_b: NDArray[Any]) -> Self:
        """What the same samples show in two states.

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
            raise StateError(f"patterns (sample, position, unit) of shapes {a.shape} and {b.shape} cannot be compared")
        flipped = a != b
        samples, positions, _ = flipped.shape
        return cls(samples * positions, int(flipped.any(axis=2).sum()), flipped.sum(axis=(0, 1), dtype=np.int64))

    def merge(self, other: Self) -> Self:
        """What two disjoint parts of the data show together.

        Raises:
            StateError: the two are of sites with different numbers of units.
        """
        if self.flips.size != other.flips.size:
            sizes = f"{self.flips.size} and of {other.flips.size} units"
            raise StateError(f"changes of {sizes} cannot be merged; same site?")
        return type(self)(self.count + other.count, self.different + other.different, self.flips + other.flips)
