"""Where a network is unsure: the score of each position, and the mask of those to look at again. Thesis, 4.2.5.

The functions of `masks.py` compute the same inside a model.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..encoding.counter_rng import WORD, weight_words

Mask = NDArray[np.bool_]


def entropy(a: ArrayLike) -> NDArray[np.float64]:
    """Entropy h = -sum_c q_c log q_c with q = softmax(a), of each position. Thesis, (4.12), in nats.

    As printed the sum in its denominator runs over j while its exponent stands at c; the exponent's index is j.

    Args:
        a: class scores (sample, position ..., class).

    >>> abs(entropy([[0.0, 0.0], [0.0, -1000.0]])).round(4).tolist()
    [0.6931, 0.0]
    """
    log_q = _log_softmax(np.asarray(a, dtype=np.float64))
    return np.asarray(-(np.exp(log_q) * log_q).sum(axis=-1))


def feature_cross_entropy(a: ArrayLike) -> NDArray[np.float64]:
    """sum_c a_c (log sum_j exp a_j - a_c), of each position: what the authors' program computes, over features.

    It is neither an entropy nor over classes; the coverages of 34 and 76 per cent in the thesis belong to it.

    Args:
        a: the last features before the average (sample, position ..., unit).

    >>> feature_cross_entropy([[1.0, 1.0], [2.0, 0.0]]).round(4).tolist()
    [1.3863, 0.2539]
    """
    a = np.asarray(a, dtype=np.float64)
    return np.asarray(-(a * _log_softmax(a)).sum(axis=-1))


def above_mean(h: ArrayLike) -> Mask:
    """Positions where h > T, with T the mean of h over the positions of the same sample.

    Args:
        h: scores (sample, position ...).

    >>> above_mean([[0.0, 1.0, 5.0], [7.0, 7.0, 7.0]]).tolist()
    [[False, False, True], [False, False, False]]
    """
    h = np.asarray(h)
    return np.asarray(h > h.mean(axis=tuple(range(1, h.ndim)), keepdims=True))


def widened(mask: ArrayLike) -> Mask:
    """The mask with a margin of one position to every side.

    Args:
        mask: (sample, position ...).

    >>> widened([[[False] * 4, [False, False, False, True]]]).tolist()
    [[[False, False, True, True], [False, False, True, True]]]
    """
    wide: Mask = np.asarray(mask, dtype=bool)
    for axis in range(1, wide.ndim):
        padded = np.pad(wide, [(int(each == axis),) * 2 for each in range(wide.ndim)])
        length = wide.shape[axis]
        wide = np.logical_or.reduce([padded.take(range(t, t + length), axis=axis) for t in range(3)])
    return wide


def random_mask(shape: tuple[int, ...], *, coverage: float, seed: int, node: int) -> Mask:
    """Each position with the same chance, anew for each sample: what attention is compared with.

    Args:
        shape: (sample, position ...).
        coverage: that chance, to multiples of 2^-32.
        seed: of the call.
        node: whose draws they are.
    """
    count = int(np.prod(shape[1:]))
    words = [weight_words(count, seed=seed, node=node, image=image) for image in range(shape[0])]
    return np.asarray(np.array(words, dtype=np.uint64).reshape(shape) < np.uint64(limit_of(coverage)))


def limit_of(coverage: float) -> int:
    """The number of 32-bit words that fall inside the mask."""
    return round(coverage * (1 << WORD))


def stretched(mask: Mask, size: tuple[int, ...]) -> Mask:
    """The mask at another resolution: position i of m reads position floor(i M / m) of M, along every axis.

    Args:
        mask: (sample, position ...).
        size: positions wanted, by axis.

    >>> stretched(np.array([[True, False]]), (5,)).tolist()
    [[True, True, True, False, False]]
    """
    for axis, m in enumerate(size, start=1):
        mask = mask.take(np.arange(m) * mask.shape[axis] // m, axis=axis)
    return mask


def _log_softmax(a: NDArray[np.float64]) -> NDArray[np.float64]:
    moved = a - a.max(axis=-1, keepdims=True)
    return np.asarray(moved - np.log(np.exp(moved).sum(axis=-1, keepdims=True)))
