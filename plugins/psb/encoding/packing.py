"""A tensor of weights in few bits: 1 for the sign, k for the exponent, b for the probability."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....analyzer.errors import OptionError
from .encoding import ZERO, encode
from .levels import Levels

EXPONENT_BITS = 4
_MOST_BITS = 6
_LOWEST = -126  # of a normal float32: some processors flush smaller numbers to 0


@dataclass(frozen=True, eq=False)
class Packed:
    """Weights quantized to small integers, flattened (weight,).

    Args:
        negative: 1 where s = -1.
        exponent: 0 for the weight 0, else e - lowest + 1, below 2^k.
        level: index into the probabilities of `levels`.
        lowest: the smallest exponent that has a code.
        exponent_bits: k.
        levels: quantization levels of the probability.
    """

    negative: NDArray[np.int64]
    exponent: NDArray[np.int64]
    level: NDArray[np.int64]
    lowest: int
    exponent_bits: int
    levels: Levels

    @property
    def bits(self) -> int:
        """Number of bits of one weight."""
        return 1 + self.exponent_bits + self.levels.bits

    def mean(self) -> NDArray[np.float64]:
        """The expected value of each sampled weight (weight,)."""
        p = np.array([float(p) for p in self.levels.probabilities], dtype=np.float64)
        return self.signed_powers() * (1 + p[self.level])

    def signed_powers(self) -> NDArray[np.float64]:
        """Sign times 2^e of each weight (weight,); 0 for the weight 0."""
        size = np.ldexp(1.0 - 2 * self.negative, self.exponent - 1 + self.lowest)
        return np.where(self.exponent == 0, 0.0, size)


def pack(
    w: ArrayLike,
    *,
    exponent_bits: int = EXPONENT_BITS,
    levels: Levels | None = None,
    flush_to_zero: bool = True,
) -> Packed:
    """Quantize weights to 1 + k + b bits each. Thesis, section 4.2.4.

    Of the 2^k exponent codes, 2^k - 1 are the exponents up to that of the largest weight, and one is the weight 0. The
    authors' program has no upper limit, a lower limit of -16, and raises smaller weights to +-2^-16.

    Args:
        w: float32 weights, any shape; flattened in row-major order.
        exponent_bits: k, 1 to 6.
        levels: of the probability; default `Levels()`, 4 bits and rounded to nearest.
        flush_to_zero: set weights below the smallest exponent to 0; otherwise raise them to the smallest power of two.

    Raises:
        OptionError: k is out of range.
        ModelError: a weight is not finite.

    >>> packed = pack([3.0, -0.375, 0.0, 1e-9])
    >>> packed.mean().tolist(), packed.bits
    ([3.0, -0.375, 0.0, 0.0], 9)
    """
    if not 1 <= exponent_bits <= _MOST_BITS:
        raise OptionError(f"bits of an exponent: expected 1 to {_MOST_BITS}, got {exponent_bits}; change exponent_bits")
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


def to_bit_planes(numbers: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Pack integers of a few bits into bit planes, most significant bit first, eight numbers per byte (bit, byte).

    >>> to_bit_planes(np.array([1, 2, 3]), 2).tolist()
    [[96], [160]]
    """
    shifts = np.arange(bits - 1, -1, -1)[:, None]
    return np.packbits((numbers >> shifts) & 1, axis=1)


def from_bit_planes(planes: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """Unpack bit planes (bit, byte) into `count` integers (number,).

    >>> from_bit_planes(to_bit_planes(np.array([1, 2, 3]), 2), 3).tolist()
    [1, 2, 3]
    """
    powers = 1 << np.arange(len(planes) - 1, -1, -1, dtype=np.int64)
    return np.asarray(powers @ np.unpackbits(planes, axis=1, count=count).astype(np.int64))
