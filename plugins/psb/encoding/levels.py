"""Probabilities in a few bits: quantization levels, and the level of a probability."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....analyzer.errors import OptionError

PLACINGS = ("nearest", "ends", "middles")
BITS = 8


@dataclass(frozen=True)
class Levels:
    """The 2^b quantization levels of a probability of b bits.

    The placings:

    - nearest: m / 2^b, rounded to nearest; a probability that rounds up to 1 becomes 0 with the exponent increased by
      one. Every weight with b significant bits after its leading one is exact.
    - ends: floor(p 2^b) / (2^b - 1), including both 0 and 1, as in the authors' program. With one bit, weights become
      powers of two.
    - middles: (floor(p 2^b) + 1/2) / 2^b, the midpoint of each interval; no weight is exact.

    Args:
        bits: b, 1 to 8.
        placing: one of PLACINGS.

    Raises:
        OptionError: bits or placing is invalid.

    >>> [str(p) for p in Levels(2, "ends").probabilities]
    ['0', '1/3', '2/3', '1']
    """

    bits: int = 4
    placing: str = "nearest"

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= BITS:
            raise OptionError(f"bits of a probability: expected 1 to {BITS}, got {self.bits}; change levels")
        if self.placing not in PLACINGS:
            raise OptionError(f"placing of levels: expected one of {', '.join(PLACINGS)}, got {self.placing!r}")

    @property
    def probabilities(self) -> tuple[Fraction, ...]:
        """The probability of each level."""
        count = 2**self.bits
        if self.placing == "ends":
            return tuple(Fraction(m, count - 1) for m in range(count))
        shift = Fraction(1, 2) if self.placing == "middles" else Fraction(0)
        return tuple((m + shift) / count for m in range(count))

    def of(self, p: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the level of each probability in [0, 1), and the carry to its exponent (1 where p rounds up to 1).

        >>> [a.tolist() for a in Levels(2, "nearest").of([0.1, 0.3, 0.9])]
        [[0, 1, 0], [0, 0, 1]]
        """
        scaled: NDArray[Any] = np.ldexp(np.asarray(p, dtype=np.float64), self.bits)
        level = np.floor(scaled + 0.5 if self.placing == "nearest" else scaled).astype(np.int64)
        return level % 2**self.bits, level >> self.bits
