"""Activations in 16-bit fixed point: multiples of a power of two, rounded to nearest, saturating, exact at zero."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

LOWEST, HIGHEST = -(2**15), 2**15 - 1
FRACTION = 10
"""Default number of fraction bits, without calibration: Q5.10 has a sign bit, 5 integer bits and 10 fraction bits."""
_MOST_FRACTION = 100


def to_fixed(x: ArrayLike, *, fraction: int = FRACTION) -> NDArray[np.int16]:
    """Round values to multiples of 2^-f and return the integers x 2^f; ties go to even. Thesis, section 4.2.1.

    The authors' own mapping, `legacy_fixed_point`, has no exact zero.

    Args:
        x: values; infinite ones saturate.
        fraction: f, the number of fraction bits; negative for steps larger than 1.

    >>> to_fixed([0.5, -40.0, 2**-11]).tolist()
    [512, -32768, 0]
    """
    steps = np.rint(np.ldexp(np.asarray(x, dtype=np.float64), fraction))
    return np.clip(steps, LOWEST, HIGHEST).astype(np.int16)


def from_fixed(steps: ArrayLike, *, fraction: int = FRACTION) -> NDArray[np.float32]:
    """Return the values of fixed-point integers, exactly.

    >>> from_fixed([512, -32768]).tolist()
    [0.5, -32.0]
    """
    return np.ldexp(np.asarray(steps, dtype=np.float64), -fraction).astype(np.float32)


def fraction_for(largest: float) -> int:
    """Choose the number of fraction bits so that one bit of headroom remains above the largest absolute value.

    The headroom is for the noise of sampled weights, which can push a value beyond its calibrated maximum.

    >>> fraction_for(31.9), fraction_for(255.0), fraction_for(0.0)
    (9, 6, 10)
    """
    if not 0 < largest < np.inf:
        return FRACTION
    _, exponent = np.frexp(2 * largest / HIGHEST)
    return int(np.clip(-exponent, -_MOST_FRACTION, _MOST_FRACTION))


def legacy_fixed_point(x: ArrayLike, *, bits: int = 16, limit: float = 32.0) -> NDArray[np.float32]:
    """The authors' fixed point: clip to [-limit, limit], map to [0, 1], floor(x 2^b) / (2^b - 1), map back.

    Since 2^b values are divided by 2^b - 1, every level is slightly off: 0 becomes 4.9e-4 and 32 becomes 32.001.

    >>> legacy_fixed_point([0.0, 32.0]).tolist() == [np.float32(2**-11 * (1 + 1 / 65535)), 32.0009765625]
    True
    """
    unit = (np.clip(np.asarray(x, dtype=np.float64), -limit, limit) + limit) / (2 * limit)
    return np.asarray(np.floor(unit * 2**bits) / (2**bits - 1) * 2 * limit - limit, dtype=np.float32)
