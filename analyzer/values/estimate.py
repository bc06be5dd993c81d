"""An estimate: a number computed from a sample of the patterns, with its standard error."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value and its standard error; exact numbers are plain ints and floats.

    Args:
        value: the estimated number, finite.
        error: its standard error, finite and at least 0, in the same unit.

    Raises:
        ValueError: a part is not finite, or the error is negative.

    >>> print(Estimate(12345.0, 67.0))
    12345 ± 67 (estimate)
    >>> print(Estimate(9.87654, 0.0123))
    9.877 ± 0.012 (estimate)
    """

    value: float
    error: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and math.isfinite(self.error) and self.error >= 0):
            raise ValueError(f"expected a finite value and a finite error >= 0, got {self.value} ± {self.error}")
        object.__setattr__(self, "value", float(self.value))
        object.__setattr__(self, "error", float(self.error))

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        decimals = min(max(0, 1 - math.floor(math.log10(self.error))), 9) if self.error > 0 else 3
        return f"{self.value:.{decimals}f} ± {self.error:.{decimals}f} (estimate)"
