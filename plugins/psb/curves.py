"""Exponent, probability, variance and relative error over the weights, as figure 4.1 of the thesis draws them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .encoding import encode, relative_deviation, relative_deviation_bound, variance, variance_bound


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
