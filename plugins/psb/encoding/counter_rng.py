"""Random words that are a function of a counter and a key, and of nothing else: no state, any order, any machine."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Words = NDArray[np.uint64]

WORD = 32
HALF = np.uint64(WORD)
ROOT = 0x9E3779B97F4A7C15
"""The key everything starts from: 2^64 over the golden ratio, an irregular odd number."""


def squares(counter: ArrayLike, key: ArrayLike) -> Words:
    """32 random bits for each counter, in a uint64: four rounds of squaring and exchanging the halves of a word.

    Source: Widynski, Squares: a fast counter-based RNG (2020). It takes multiplications, additions and shifts of
    unsigned 64-bit words only, all modulo 2^64, which every ONNX runtime computes alike; generators built on exclusive
    or need operators that older opsets lack. The halves are joined by an addition, since their bits do not overlap.

    Args:
        counter: which word; any shape.
        key: which sequence, an odd number; broadcast against the counters.

    >>> squares([0, 1], ROOT).tolist() == squares([0, 1, 2], ROOT)[:2].tolist()
    True
    """
    counter, key = np.asarray(counter, dtype=np.uint64), np.asarray(key, dtype=np.uint64)
    with np.errstate(over="ignore"):
        x = y = counter * key
        z = y + key
        x = _turned(x * x + y)
        x = _turned(x * x + z)
        x = _turned(x * x + y)
        return np.asarray((x * x + z) >> HALF, dtype=np.uint64)


def derive(key: ArrayLike, number: int) -> np.uint64:
    """An odd key for each number below another key: two of its words side by side, modulo 2^64.

    Numbers count modulo 2^63.
    """
    twice = np.uint64(2 * number % 2**64)
    high, low = squares(twice + np.array([0, 1], dtype=np.uint64), key).tolist()
    return np.uint64(((high << WORD) + 2 * low + 1) % 2**64)


def weight_words(weights: int, *, seed: int, node: int, image: int = 0) -> Words:
    """One word for each weight (weight,): a function of (seed, node, image, index).

    The key belongs to the node and the seed; the images follow each other in its sequence.
    """
    first = np.uint64(image * weights)
    return squares(first + np.arange(weights, dtype=np.uint64), derive(node_key(node), seed))


def node_key(node: int) -> np.uint64:
    """The key of a node, from which the seed of a call makes the key of that call."""
    return derive(ROOT, node)


def _turned(words: Words) -> Words:
    return (words >> HALF) + (words << HALF)
