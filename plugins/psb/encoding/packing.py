"""A tensor of weights in few bits: one for the sign, k for the exponent, b for the probability."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....analyzer.errors import OptionError
from .encoding import ZERO, encode
from .levels import Levels

EXPONENT_BITS = 4
_MOST_BITS = 6
_LOWEST = -126  # of a normal float32: whatever is smaller some processors take for 0


@dataclass(frozen=True, eq=False)
class Packed:
    """Weights as small whole numbers, in one row (weight,).

    Args:
        negative: 1 where s = -1.
        exponent: 0 for the weight 0, else e - lowest + 1, below 2^k.
        level: which probability of `levels`.
        lowest: the smallest exponent there is a code for.
        exponent_bits: k.
        levels: what the levels mean.
    """

    negative: NDArray[np.int64]
    exponent: NDArray[np.int64]
    level: NDArray[np.int64]
    lowest: int
    exponent_bits: int
    levels: Levels

    @property
    def bits(self) -> int:
        """Bits that a weight takes."""
        return 1 + self.exponent_bits + self.levels.bits

    def mean(self) -> NDArray[np.float64]:
        """What a weight is on average (weight,), as the levels of its probability allow."""
        p = np.array([float(p) for p in self.levels.probabilities], dtype=np.float64)
        return self.signed_powers() * (1 + p[self.level])

    def signed_powers(self) -> NDArray[np.float64]:
        """The sign times 2^e of each weight (weight,); 0 for the weight 0."""
        size = np.ldexp(1.0 - 2 * self.negative, self.exponent - 1 + self.lowest)
        return np.where(self.exponent == 0, 0.0, size)


def pack(
    w: ArrayLike,
    *,
    exponent_bits: int = EXPONENT_BITS,
    levels: Levels | None = None,
    flush_to_zero: bool = True,
) -> Packed:
    """Round weights to what the bits can hold. Thesis, section 4.2.4.

    There are 2^k - 1 exponents, ending at that of the largest weight; the code left over is the weight 0. The authors
    have no limit above and -16 below, and raise whatever is smaller to +-2^-16.

    Args:
        w: float32 weights, any shape; taken in their order.
        exponent_bits: k, 1 to 6.
        levels: of the probability; 4 bits, the nearest one, if not given.
        flush_to_zero: make a weight below the smallest exponent 0; else raise it to the smallest power of two.

    Raises:
        OptionError: k is out of its range.
        ModelError: a weight is not finite.

    >>> packed = pack([3.0, -0.375, 0.0, 1e-9])
    >>> packed.mean().tolist(), packed.bits
    ([3.0, -0.375, 0.0, 0.0], 9)
    """
    if not 1 <= exponent_bits <= _MOST_BITS:
        raise OptionError(f"an exponent takes 1 to {_MOST_BITS} bits, not {exponent_bits}")
    levels = levels or Levels()
    codes = encode(np.asarray(w).reshape(-1))
    level, carry = levels.of(codes.probability)
    zero = codes.exponent == ZERO
    exponent = codes.exponent.astype(np.int64) + carry
    highest = int(exponent[~zero].max(initial=_LOWEST))
    lowest = max(highest - 2**exponent_bits + 2, _LOWEST)
    small = exponent < lowest
    code = np.where(small, 0 if flush_to_zero else 1, exponent - lowest + 1)
    return Packed(
        negative=(codes.sign < 0).astype(np.int64),
        exponent=np.where(zero, 0, code),
        level=np.where(small | zero, 0, level),
        lowest=lowest,
        exponent_bits=exponent_bits,
        levels=levels,
    )


def planes(numbers: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Numbers of a few bits as bit planes, the highest bit first, eight numbers in a byte (bit, byte).

    >>> planes(np.array([1, 2, 3]), 2).tolist()
    [[96], [160]]
    """
    places = np.arange(bits - 1, -1, -1)[:, None]
    return np.packbits((numbers >> places) & 1, axis=1)


def unplaned(planes: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """The numbers again (number,).

    >>> unplaned(planes(np.array([1, 2, 3]), 2), 3).tolist()
    [1, 2, 3]
    """
    powers = 1 << np.arange(len(planes) - 1, -1, -1, dtype=np.int64)
    return np.asarray(powers @ np.unpackbits(planes, axis=1, count=count).astype(np.int64))
