"""The stochastic number system of the thesis, section 4.2: a weight as sign, exponent and probability.

`encode` and `decode` convert between float32 weights and w = s 2^e (1 + p); `estimate` is the n-sample estimate of a
weight, with its `variance` and bounds. The last functions are the simpler estimate of section 4.1, a Bernoulli variable
for each weight in [0, 1].
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....analyzer.errors import ModelError, OptionError
from .counter_rng import WORD_BITS, random_words

ZERO = -150
"""Exponent of the weight 0: one below the exponent of the smallest float32."""


@dataclass(frozen=True, eq=False)
class Codes:
    """Weights as s 2^e (1 + p), in three arrays of the same shape.

    Args:
        sign: s, -1 or 1; for zeros as well, so that -0 and 0 differ.
        exponent: e; ZERO for a zero.
        probability: p, float32 in [0, 1).
    """

    sign: NDArray[np.int8]
    exponent: NDArray[np.int16]
    probability: NDArray[np.float32]


def encode(w: ArrayLike) -> Codes:
    """Split float32 weights: s = sign(w), e = floor(log2 |w|), p = |w| / 2^e - 1. Thesis, (4.4) to (4.7).

    A bijection of the finite float32 numbers. Exponent and probability come from the binary representation, not from a
    logarithm, so subnormals and numbers just below a power of two are exact. (4.6) is undefined for w = 0; a zero keeps
    its sign and has the reserved exponent ZERO.

    Raises:
        ModelError: a weight is not finite.

    >>> codes = encode([3.0, -0.375])
    >>> codes.sign.tolist(), codes.exponent.tolist(), codes.probability.tolist()
    ([1, -1], [1, -2], [0.5, 0.5])
    """
    w = np.asarray(w, dtype=np.float32)
    if not np.isfinite(w).all():
        raise ModelError("expected finite weights, got infinite or NaN weights; train or export the model again")
    fraction, exponent = np.frexp(np.abs(w))
    zero = w == 0
    return Codes(
        np.where(np.signbit(w), -1, 1).astype(np.int8),
        np.where(zero, ZERO, exponent - 1).astype(np.int16),
        np.where(zero, 0, 2 * fraction - 1).astype(np.float32),
    )


def decode(codes: Codes) -> NDArray[np.float32]:
    """Return the encoded weights, bit for bit: w = s 2^e (1 + p). Thesis, (4.4) in its mean.

    >>> decode(encode([3.0, -0.375, -0.0])).tolist()
    [3.0, -0.375, -0.0]
    """
    magnitude = np.ldexp(1 + codes.probability.astype(np.float64), codes.exponent)
    return (codes.sign * np.where(codes.exponent == ZERO, 0.0, magnitude)).astype(np.float32)


def estimate(codes: Codes, ones: ArrayLike, *, samples: int) -> NDArray[np.float64]:
    """The n-sample estimate of the weights: s 2^e (1 + B / n). Thesis, (4.8).

    Args:
        codes: the weights.
        ones: B, how many of the n samples shift by e + 1 instead of e, 0 to n; the shape of the weights, with any
            leading axes.
        samples: n.

    >>> estimate(encode([3.0, -0.375]), [1, 3], samples=4).tolist()
    [2.5, -0.4375]
    """
    size = np.ldexp(1 + np.asarray(ones) / samples, codes.exponent)
    return np.where(codes.exponent == ZERO, 0.0, codes.sign * size)


def variance(codes: Codes, *, samples: int = 1) -> NDArray[np.float64]:
    """Var(w_n) = (3 2^e |w| - 2^(2e + 1) - w^2) / n = 2^(2e) p (1 - p) / n. Thesis, above (4.10).

    >>> variance(encode([2.0, 3.0]), samples=4).tolist()
    [0.0, 0.25]
    """
    p = codes.probability.astype(np.float64)
    return np.where(codes.exponent == ZERO, 0.0, np.ldexp(p * (1 - p), 2 * codes.exponent)) / samples


def variance_bound(w: ArrayLike, *, samples: int = 1) -> NDArray[np.float64]:
    """Upper bound w^2 / (8 n) of the variance, attained only at p = 1/3. Thesis, (4.10).

    The thesis says the variance is largest at p = 1/2; that holds for its absolute maximum between two powers of two,
    2^(2e) / 4.
    """
    return np.square(np.asarray(w, dtype=np.float64)) / (8 * samples)


def relative_deviation(codes: Codes, *, samples: int = 1) -> NDArray[np.float64]:
    """sqrt(Var(w_n)) / |w| = sqrt(p (1 - p) / n) / (1 + p), largest at p = 1/3; 0 for a zero. Thesis, (4.11).

    >>> relative_deviation(encode([2.0, 3.0])).round(4).tolist()
    [0.0, 0.3333]
    """
    p = codes.probability.astype(np.float64)
    return np.asarray(np.sqrt(p * (1 - p) / samples) / (1 + p))


def relative_deviation_bound(*, samples: int) -> float:
    """1 / sqrt(8 n), the largest standard deviation of a weight over its size. Thesis, (4.11), which writes s for n.

    >>> relative_deviation_bound(samples=8)
    0.125
    """
    return float(1 / np.sqrt(8 * samples))


def exact_samples(codes: Codes) -> NDArray[np.int64]:
    """The least n = 2^k for which n p is a whole number. Thesis, section 4.2.1.

    With n samples the weight can be represented without randomness: n p of them shift by e + 1. The thesis gives
    the range of m in p = m 2^-k as 0 to k, a misprint of 0 to 2^k.

    >>> exact_samples(encode([4.0, 3.0, 1.25])).tolist()
    [1, 2, 4]
    """
    steps = np.ldexp(codes.probability.astype(np.float64), 23).astype(np.int64)
    lowest = np.where(steps == 0, 1 << 23, steps & -steps)
    return np.asarray((1 << 23) // lowest, dtype=np.int64)


def curves(w: ArrayLike, *, samples: int = 1) -> dict[str, NDArray[Any]]:
    """The curves of figure 4.1, whose caption calls the last two panels b and c; they are c and d.

    Args:
        w: weights to evaluate them at (weight,).
        samples: n.

    Returns:
        Arrays (weight,) by name: `w`; `exponent`, panel a, NaN at w = 0; `probability`, panel b; `variance`, panel c,
        with `variance_bound`, (4.10); `relative_deviation`, panel d, with `relative_deviation_bound`, (4.11).

    >>> found = curves([2.0, 3.0])
    >>> found["exponent"].tolist(), found["probability"].tolist(), found["variance"].tolist()
    ([1.0, 1.0], [0.0, 0.5], [0.0, 1.0])
    """
    w = np.asarray(w, dtype=np.float32).reshape(-1)
    codes = encode(w)
    return {
        "w": w,
        "exponent": np.where(w == 0, np.nan, codes.exponent.astype(np.float64)),
        "probability": codes.probability,
        "variance": variance(codes, samples=samples),
        "variance_bound": variance_bound(w, samples=samples),
        "relative_deviation": relative_deviation(codes, samples=samples),
        "relative_deviation_bound": np.full(len(w), relative_deviation_bound(samples=samples)),
    }


def flip(w: ArrayLike, *, samples: int = 1, seed: int = 0) -> NDArray[np.float64]:
    """The mean of n Bernoulli variables for each weight, each 1 with probability w: E[B_w] = w. Thesis, (4.3).

    Weights are rounded to multiples of 2^-32. For w outside [0, 1] there is no such variable; `encode` splits those
    into sign, exponent and a probability.

    Args:
        w: weights in [0, 1], any shape.
        samples: n.
        seed: of the random numbers.

    Raises:
        OptionError: a weight is outside [0, 1], or n is less than 1.

    >>> flip([0.0, 1.0], samples=4).tolist()
    [0.0, 1.0]
    """
    w = np.asarray(w, dtype=np.float64)
    if not ((w >= 0) & (w <= 1)).all():
        raise OptionError(
            "expected weights in [0, 1], got weights outside; use encode() to split them by sign and exponent"
        )
    if samples < 1:
        raise OptionError(f"expected at least 1 sample, got {samples}; choose a positive number of samples")
    below = np.ldexp(w, WORD_BITS).reshape(-1)
    ones = np.zeros(w.size, dtype=np.int64)
    for i in range(samples):
        ones += random_words(w.size, seed=seed, node=0, image=i) < below
    return ones.reshape(w.shape) / samples


def multiply(w: ArrayLike, x: ArrayLike, *, samples: int = 1, seed: int = 0) -> NDArray[np.float64]:
    """Unbiased estimate of the product x w: x times the mean of n Bernoulli variables for each weight.

    Args:
        w: weights in [0, 1] (input, unit).
        x: activations (sample, input).
        samples: n.
        seed: of the random numbers, which all rows of x share.

    >>> multiply([[1.0], [0.0]], [[3.0, 5.0]]).tolist()
    [[3.0]]
    """
    return np.asarray(np.asarray(x, dtype=np.float64) @ flip(w, samples=samples, seed=seed))


def coin_variance(w: ArrayLike, *, samples: int = 1) -> NDArray[np.float64]:
    """Var(B_w) = w (1 - w) / n; relative to w^2 it is unbounded as w tends to 0, unlike `variance`.

    >>> coin_variance([0.5, 1.0]).tolist()
    [0.25, 0.0]
    """
    w = np.asarray(w, dtype=np.float64)
    return np.asarray(w * (1 - w) / samples)
