"""A weight as sign, exponent and probability: the stochastic number system of the thesis, section 4.2."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....analyzer.errors import ModelError, OptionError
from .counter_rng import WORD, weight_words

Array = NDArray[Any]

ZERO = -150
"""Exponent that stands for the weight 0: one below the exponent of the smallest float32."""


@dataclass(frozen=True, eq=False)
class Codes:
    """Weights as s 2^e (1 + p), arrays of one shape.

    Args:
        sign: s, -1 or 1; of a zero too, so that -0 is told from 0.
        exponent: e, ZERO for a zero.
        probability: p, float32 in [0, 1).
    """

    sign: NDArray[np.int8]
    exponent: NDArray[np.int16]
    probability: NDArray[np.float32]


def encode(w: ArrayLike) -> Codes:
    """Take float32 weights apart: s = sign(w), e = floor(log2 |w|), p = |w| / 2^e - 1. Thesis, (4.4) to (4.7).

    A bijection of the finite float32 numbers: exponent and probability are read off the number itself, never through a
    logarithm, so that subnormals and numbers just below a power of two come out right. (4.6) has no value for w = 0; a
    zero keeps its sign and has an exponent of its own.

    Raises:
        ModelError: a weight is not finite.

    >>> codes = encode([3.0, -0.375])
    >>> codes.sign.tolist(), codes.exponent.tolist(), codes.probability.tolist()
    ([1, -1], [1, -2], [0.5, 0.5])
    """
    w = np.asarray(w, dtype=np.float32)
    if not np.isfinite(w).all():
        raise ModelError("a weight is infinite or not a number, which no sign, exponent and probability can stand for")
    fraction, exponent = np.frexp(np.abs(w))
    zero = w == 0
    return Codes(
        np.where(np.signbit(w), -1, 1).astype(np.int8),
        np.where(zero, ZERO, exponent - 1).astype(np.int16),
        np.where(zero, 0, 2 * fraction - 1).astype(np.float32),
    )


def decode(codes: Codes) -> NDArray[np.float32]:
    """The weights again, bit for bit: w = s 2^e (1 + p). Thesis, (4.4) in its mean.

    >>> decode(encode([3.0, -0.375, -0.0])).tolist()
    [3.0, -0.375, -0.0]
    """
    return (codes.sign * magnitude(codes)).astype(np.float32)


def magnitude(codes: Codes) -> NDArray[np.float64]:
    """|w| = 2^e (1 + p), in float64; 0 for a zero."""
    size = np.ldexp(1 + codes.probability.astype(np.float64), codes.exponent)
    return np.where(codes.exponent == ZERO, 0.0, size)


def estimate(codes: Codes, ones: ArrayLike, *, samples: int) -> NDArray[np.float64]:
    """The weights as n samples show them: s 2^e (1 + B / n). Thesis, (4.8).

    Args:
        codes: the weights.
        ones: B, how many of the n samples shifted by one more, 0 to n; of the shape of the weights, or more axes ahead.
        samples: n.

    >>> estimate(encode([3.0, -0.375]), [1, 3], samples=4).tolist()
    [2.5, -0.4375]
    """
    size = np.ldexp(1 + np.asarray(ones) / samples, codes.exponent)
    return np.where(codes.exponent == ZERO, 0.0, codes.sign * size)


def variance(codes: Codes, *, samples: int = 1) -> NDArray[np.float64]:
    """Var(w_n) = (3 2^e |w| - 2^(2e + 1) - w^2) / n, which is 2^(2e) p (1 - p) / n. Thesis, above (4.10).

    >>> variance(encode([2.0, 3.0]), samples=4).tolist()
    [0.0, 0.25]
    """
    p = codes.probability.astype(np.float64)
    return np.where(codes.exponent == ZERO, 0.0, np.ldexp(p * (1 - p), 2 * codes.exponent)) / samples


def variance_bound(w: ArrayLike, *, samples: int = 1) -> NDArray[np.float64]:
    """w^2 / (8 n), never less than the variance, and equal to it at p = 1/3 only. Thesis, (4.10).

    The thesis says the variance is largest at p = 1/2; that is the absolute one, 2^(2e) / 4, between two powers of two.
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

    From there on the weight needs no chance at all: of n samples n p shift by one more. The thesis' range of m in
    p = m 2^-k, 0 to k, is a misprint of 0 to 2^k.

    >>> exact_samples(encode([4.0, 3.0, 1.25])).tolist()
    [1, 2, 4]
    """
    steps = np.ldexp(codes.probability.astype(np.float64), 23).astype(np.int64)
    lowest = np.where(steps == 0, 1 << 23, steps & -steps)
    return np.asarray((1 << 23) // lowest, dtype=np.int64)


def flip(w: ArrayLike, *, samples: int = 1, seed: int = 0) -> NDArray[np.float64]:
    """The mean of n coins for each weight, each 1 with chance w: E[B_w] = w. Thesis, (4.3).

    The weight is taken to multiples of 2^-32. With w outside of [0, 1] there is no such coin, which is why
    `encoding` takes sign and exponent off first.

    Args:
        w: weights in [0, 1], any shape.
        samples: n.
        seed: of the coins.

    Raises:
        OptionError: a weight lies outside [0, 1], or n is less than 1.

    >>> flip([0.0, 1.0], samples=4).tolist()
    [0.0, 1.0]
    """
    w = np.asarray(w, dtype=np.float64)
    if not ((w >= 0) & (w <= 1)).all():
        raise OptionError("a weight that is the chance of a coin lies in [0, 1]; encode others by sign and exponent")
    if samples < 1:
        raise OptionError(f"there is at least 1 sample, not {samples}")
    below = np.ldexp(w, WORD).reshape(-1)
    ones = np.zeros(w.size, dtype=np.int64)
    for i in range(samples):
        ones += weight_words(w.size, seed=seed, node=0, image=i) < below
    return ones.reshape(w.shape) / samples


def multiply(w: ArrayLike, x: ArrayLike, *, samples: int = 1, seed: int = 0) -> NDArray[np.float64]:
    """Multiply by coins, x w: the sums of x over those that fell on 1, over n; right in its mean.

    Args:
        w: weights in [0, 1] (input, unit).
        x: activations (sample, input).
        samples: n.
        seed: of the coins, which all samples share.

    >>> multiply([[1.0], [0.0]], [[3.0, 5.0]]).tolist()
    [[3.0]]
    """
    return np.asarray(np.asarray(x, dtype=np.float64) @ flip(w, samples=samples, seed=seed))


def coin_variance(w: ArrayLike, *, samples: int = 1) -> NDArray[np.float64]:
    """Var(B_w) = w (1 - w) / n; over w^2 it has no bound as w nears 0, unlike that of `encoding.variance`.

    >>> coin_variance([0.5, 1.0]).tolist()
    [0.25, 0.0]
    """
    w = np.asarray(w, dtype=np.float64)
    return np.asarray(w * (1 - w) / samples)


@dataclass(frozen=True, eq=False)
class Curves:
    """What figure 4.1 shows, one entry for each weight.

    Args:
        w: the weights (weight,).
        exponent: e, panel a; not a number for the weight 0.
        probability: p, panel b.
        variance: of n samples, panel c.
        variance_bound: w^2 / (8 n), (4.10).
        relative_deviation: standard deviation over |w|, panel d.
        relative_deviation_bound: 1 / sqrt(8 n), (4.11).
    """

    w: NDArray[np.float32]
    exponent: NDArray[np.float64]
    probability: NDArray[np.float32]
    variance: NDArray[np.float64]
    variance_bound: NDArray[np.float64]
    relative_deviation: NDArray[np.float64]
    relative_deviation_bound: float


def curves(w: ArrayLike, *, samples: int = 1) -> Curves:
    """The curves of figure 4.1, whose caption calls the last two panels b and c; they are c and d.

    Args:
        w: weights to draw them at, in their order (weight,).
        samples: n.

    >>> found = curves([2.0, 3.0])
    >>> found.exponent.tolist(), found.probability.tolist(), found.variance.tolist()
    ([1.0, 1.0], [0.0, 0.5], [0.0, 1.0])
    """
    w = np.asarray(w, dtype=np.float32).reshape(-1)
    codes = encode(w)
    return Curves(
        w=w,
        exponent=np.where(w == 0, np.nan, codes.exponent.astype(np.float64)),
        probability=codes.probability,
        variance=variance(codes, samples=samples),
        variance_bound=variance_bound(w, samples=samples),
        relative_deviation=relative_deviation(codes, samples=samples),
        relative_deviation_bound=relative_deviation_bound(samples=samples),
    )
