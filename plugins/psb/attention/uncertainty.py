"""Scores of uncertainty of each position, and the masks of positions to refine. Thesis, section 4.2.5.

The ONNX functions of `ops.masks` compute the same inside a model.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..encoding.counter_rng import WORD_BITS, random_words

Mask = NDArray[np.bool_]


def entropy(a: ArrayLike) -> NDArray[np.float64]:
    """Entropy h = -sum_c q_c log q_c of each position, with q = softmax(a), in nats. Thesis, (4.12).

    As printed, the sum in its denominator runs over j while the exponent has the index c; the index should be j.

    Args:
        a: class scores (sample, position ..., class).

    >>> abs(entropy([[0.0, 0.0], [0.0, -1000.0]])).round(4).tolist()
    [0.6931, 0.0]
    """
    log_q = _log_softmax(np.asarray(a, dtype=np.float64))
    return np.asarray(-(np.exp(log_q) * log_q).sum(axis=-1))


def feature_cross_entropy(a: ArrayLike) -> NDArray[np.float64]:
    """sum_c a_c (log sum_j exp a_j - a_c) of each position, over features: the score of the authors' program.

    It is neither an entropy nor over classes; the thesis' coverages of 34 and 76 per cent belong to this score.

    Args:
        a: the last features before the average (sample, position ..., unit).

    >>> feature_cross_entropy([[1.0, 1.0], [2.0, 0.0]]).round(4).tolist()
    [1.3863, 0.2539]
    """
    a = np.asarray(a, dtype=np.float64)
    return np.asarray(-(a * _log_softmax(a)).sum(axis=-1))


def above_mean(h: ArrayLike) -> Mask:
    """Mask of the positions with h > T, where T is the mean of h over the positions of the same sample.

    Args:
        h: scores (sample, position ...).

    >>> above_mean([[0.0, 1.0, 5.0], [7.0, 7.0, 7.0]]).tolist()
    [[False, False, True], [False, False, False]]
    """
    h = np.asarray(h)
    return np.asarray(h > h.mean(axis=tuple(range(1, h.ndim)), keepdims=True))


def dilate(mask: ArrayLike) -> Mask:
    """Dilate a mask by one position in every direction.

    Args:
        mask: (sample, position ...).

    >>> dilate([[[False] * 4, [False, False, False, True]]]).tolist()
    [[[False, False, True, True], [False, False, True, True]]]
    """
    wide: Mask = np.asarray(mask, dtype=bool)
    for axis in range(1, wide.ndim):
        padded = np.pad(wide, [(int(each == axis),) * 2 for each in range(wide.ndim)])
        length = wide.shape[axis]
        wide = np.logical_or.reduce([padded.take(range(t, t + length), axis=axis) for t in range(3)])
    return wide


def random_mask(shape: tuple[int, ...], *, coverage: float, seed: int, node: int) -> Mask:
    """A mask that contains each position with the same probability, the baseline of attention.

    Args:
        shape: (sample, position ...).
        coverage: the probability, rounded to a multiple of 2^-32.
        seed: of the call.
        node: number of the operator, part of the key of its random numbers.
    """
    count = int(np.prod(shape[1:]))
    words = [random_words(count, seed=seed, node=node, image=image) for image in range(shape[0])]
    return np.asarray(np.array(words, dtype=np.uint64).reshape(shape) < np.uint64(word_limit(coverage)))


def word_limit(coverage: float) -> int:
    """The number of 32-bit words that select a position."""
    return round(coverage * (1 << WORD_BITS))


def resize_mask(mask: Mask, size: tuple[int, ...]) -> Mask:
    """Resize a mask: position i of m reads position floor(i M / m) of M, along every axis.

    Args:
        mask: (sample, position ...).
        size: number of positions of the result, by axis.

    >>> resize_mask(np.array([[True, False]]), (5,)).tolist()
    [[True, True, True, False, False]]
    """
    for axis, m in enumerate(size, start=1):
        mask = mask.take(np.arange(m) * mask.shape[axis] // m, axis=axis)
    return mask


def _log_softmax(a: NDArray[np.float64]) -> NDArray[np.float64]:
    moved = a - a.max(axis=-1, keepdims=True)
    return np.asarray(moved - np.log(np.exp(moved).sum(axis=-1, keepdims=True)))
