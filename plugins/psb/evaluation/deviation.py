"""Deviation of an array from another, as a state that merges over batches."""

from dataclasses import dataclass
from math import sqrt
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Deviation:
    """Sums over the entries of an array before and after a change.

    Args:
        numbers: number of entries that are finite on both sides.
        squared: sum of the squared differences.
        squared_before: sum of the squares before.
        largest: the largest absolute difference.
        flipped: number of entries on different sides of the threshold.
        samples: number of samples.
        agreeing: number of samples with the same argmax.
        entries: number of entries of a sample.
    """

    numbers: int = 0
    squared: float = 0.0
    squared_before: float = 0.0
    largest: float = 0.0
    flipped: int = 0
    samples: int = 0
    agreeing: int = 0
    entries: int = 0

    @classmethod
    def of(cls, before: NDArray[Any], after: NDArray[Any], *, threshold: float = 0.0) -> Self:
        """Compare two arrays.

        Args:
            before: (sample, ...).
            after: of the same shape.
            threshold: for `flipped`.

        >>> Deviation.of(np.array([[3.0, 4.0]]), np.array([[3.0, -1.0]])).relative
        1.0
        """
        one, other = (np.asarray(a, dtype=np.float64).reshape(len(a), -1) for a in (before, after))
        finite = np.isfinite(one) & np.isfinite(other)
        moved = np.abs(other[finite] - one[finite])
        has_entries = bool(one.size)
        return cls(
            numbers=int(finite.sum()),
            squared=float(np.square(moved).sum()),
            squared_before=float(np.square(one[finite]).sum()),
            largest=float(moved.max(initial=0.0)),
            flipped=int(((one > threshold) != (other > threshold)).sum()),
            samples=len(one),
            agreeing=int((one.argmax(axis=1) == other.argmax(axis=1)).sum()) if has_entries else len(one),
            entries=one.shape[1],
        )

    def merge(self, other: Self) -> Self:
        """Combine the sums of two batches."""
        return type(self)(
            numbers=self.numbers + other.numbers,
            squared=self.squared + other.squared,
            squared_before=self.squared_before + other.squared_before,
            largest=max(self.largest, other.largest),
            flipped=self.flipped + other.flipped,
            samples=self.samples + other.samples,
            agreeing=self.agreeing + other.agreeing,
            entries=max(self.entries, other.entries),
        )

    @property
    def rms(self) -> float:
        """Root of the mean squared difference."""
        return sqrt(self.squared / max(1, self.numbers))

    @property
    def relative(self) -> float:
        """`rms` over the root mean square before; infinite where that is 0 and there is a difference."""
        if self.squared_before:
            return sqrt(self.squared / self.squared_before)
        return float("inf") if self.squared else 0.0

    @property
    def flips(self) -> float:
        """Share of the entries on different sides of the threshold."""
        return self.flipped / max(1, self.samples * self.entries)

    @property
    def agreement(self) -> float | None:
        """Share of the samples with the same argmax; None where a sample has a single entry."""
        return self.agreeing / self.samples if self.entries > 1 and self.samples else None
