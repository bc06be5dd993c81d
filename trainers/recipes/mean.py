"""Mean and standard deviation of an accuracy over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Self


@dataclass(frozen=True)
class Mean:
    """Mean and standard deviation over seeds, in per cent; the deviation of a single seed is 0.

    >>> str(Mean.of([0.5, 0.52]))
    '51.0 ± 1.4'
    >>> str(Mean.of([0.5]))
    '50.0'
    """

    mean: float
    deviation: float
    count: int

    @classmethod
    def of(cls, accuracies: Sequence[float]) -> Self:
        """Compute mean and standard deviation from accuracies between 0 and 1."""
        shares = [100 * accuracy for accuracy in accuracies]
        return cls(fmean(shares), stdev(shares) if len(shares) > 1 else 0.0, len(shares))

    def __str__(self) -> str:
        return f"{self.mean:.1f} ± {self.deviation:.1f}" if self.count > 1 else f"{self.mean:.1f}"
