"""Counter-based random numbers: stateless functions of a counter and a key, in any order, equal on every machine."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Words = NDArray[np.uint64]

WORD_BITS = 32
ROOT_KEY = 0x9E3779B97F4A7C15
"""The key that all others are derived from: 2^64 over the golden ratio, an irregular odd number."""
_HALF = np.uint64(WORD_BITS)


def random_words(count: int, *, seed: int, node: int, image: int = 0) -> Words:
    """32-bit random words (word,), one for each weight: a function of (seed, node, image, index).

    Node and seed determine the key; the words of consecutive images are consecutive in its sequence.
    """
    first = np.uint64(image * count)
    return squares(first + np.arange(count, dtype=np.uint64), derive_key(node_key(node), seed))


def squares(counter: ArrayLike, key: ArrayLike) -> Words:
    """32 random bits for each counter, as uint64: four rounds of squaring and swapping the halves of a word.

    Source: Widynski, Squares: a fast counter-based RNG (2020). It uses multiplication, addition and shifts of unsigned
    64-bit words only, all modulo 2^64, which every ONNX runtime computes identically; generators based on exclusive or
    need operators that older opsets lack. The halves are joined by an addition, since their bits do not overlap.

    Args:
        counter: position in the sequence; any shape.
        key: selects the sequence, an odd number; broadcast against the counters.

    >>> squares([0, 1], ROOT_KEY).tolist() == squares([0, 1, 2], ROOT_KEY)[:2].tolist()
    True
    """
    counter, key = np.asarray(counter, dtype=np.uint64), np.asarray(key, dtype=np.uint64)
    with np.errstate(over="ignore"):
        x = y = counter * key
        z = y + key
        x = _swap_halves(x * x + y)
        x = _swap_halves(x * x + z)
        x = _swap_halves(x * x + y)
        return np.asarray((x * x + z) >> _HALF, dtype=np.uint64)


def node_key(node: int) -> np.uint64:
    """The key of a node; the key of one call is derived from it and the seed."""
    return derive_key(ROOT_KEY, node)


def derive_key(key: ArrayLike, number: int) -> np.uint64:
    """Derive an odd key from another key and a number: two words of its sequence, concatenated, modulo 2^64.

    Numbers count modulo 2^63.
    """
    twice = np.uint64(2 * number % 2**64)
    high, low = squares(twice + np.array([0, 1], dtype=np.uint64), key).tolist()
    return np.uint64(((high << WORD_BITS) + 2 * low + 1) % 2**64)


def _swap_halves(words: Words) -> Words:
    return (words >> _HALF) + (words << _HALF)
