"""Probabilities in a few bits: where the levels lie, and which one stands for a probability."""

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
    """2^b probabilities, b bits each.

    The placings:

    - nearest: m / 2^b, the nearest one; a probability that rounds up to 1 becomes 0 and the exponent one more. Every
      weight with b bits behind its leading one is exact.
    - ends: floor(p 2^b) / (2^b - 1), from 0 to 1 with both, as the authors ran it. With one bit weights become powers
      of two.
    - middles: (floor(p 2^b) + 1/2) / 2^b, the middle of each part; no weight is exact.

    Args:
        bits: b, 1 to 8.
        placing: one of PLACINGS.

    Raises:
        OptionError: another number of bits or placing.

    >>> [str(p) for p in Levels(2, "ends").probabilities]
    ['0', '1/3', '2/3', '1']
    """

    bits: int = 4
    placing: str = "nearest"

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= BITS:
            raise OptionError(f"a probability takes 1 to {BITS} bits, not {self.bits}")
        if self.placing not in PLACINGS:
            raise OptionError(f"the placing of levels is one of {', '.join(PLACINGS)}, not {self.placing!r}")

    @property
    def probabilities(self) -> tuple[Fraction, ...]:
        """The probability of each level."""
        count = 2**self.bits
        if self.placing == "ends":
            return tuple(Fraction(m, count - 1) for m in range(count))
        shift = Fraction(1, 2) if self.placing == "middles" else Fraction(0)
        return tuple((m + shift) / count for m in range(count))

    def of(self, p: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Level of each probability in [0, 1), and what to add to its exponent (0, or 1 where p rounds up to 1).

        >>> [a.tolist() for a in Levels(2, "nearest").of([0.1, 0.3, 0.9])]
        [[0, 1, 0], [0, 0, 1]]
        """
        scaled: NDArray[Any] = np.ldexp(np.asarray(p, dtype=np.float64), self.bits)
        level = np.floor(scaled + 0.5 if self.placing == "nearest" else scaled).astype(np.int64)
        return level % 2**self.bits, level >> self.bits
