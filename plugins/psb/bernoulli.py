"""The multiplication all this starts from: a weight in [0, 1] as the chance of a coin. Thesis, (4.3)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...analyzer.errors import OptionError
from .words import WORD, weight_words


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
