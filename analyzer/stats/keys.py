"""The key of a pattern: 64 bits that identify the signs of a site's units at one (sample, position)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .block import Block

Keys = NDArray[np.uint64]

WORD = 64
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FLOAT32_BITS = 24
FLOAT64_BITS = 53
FEWEST_BITS = 8


def mix64(words: Keys) -> Keys:
    """Hash 64-bit words: the finaliser of splitmix64, a bijection, so no two words collide.

    Source: Steele, Lea & Flood, Fast splittable pseudorandom number generators (2014). Counter-based, so it is the same
    on every machine and with every version of numpy.

    >>> mix64(np.array([1, 2], dtype=np.uint64)).tolist()
    [6238072747940578789, 15839785061582574730]
    """
    words = words ^ (words >> np.uint64(30))
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


def random_words(seed: int, count: int) -> Keys:
    """`count` random words that depend only on the seed and their index: splitmix64 started from the mixed seed.

    >>> bool((random_words(0, 5)[:3] == random_words(0, 3)).all())
    True
    >>> bool((random_words(0, 3) == random_words(1, 3)).any())
    False
    """
    start = mix64(np.array([seed % 2**WORD], dtype=np.uint64))
    return mix64(start + np.arange(1, count + 1, dtype=np.uint64) * GOLDEN)


def pattern_keys(block: Block, *, seed: int = 0) -> Keys:
    """Key of the pattern (z > 0, strictly) at each sample and position (sample * position,), sample by sample.

    Replaces the thesis' algorithm 1. Up to 64 units the key is a bijection of the signs: two patterns never share one.
    For more units it is the sum modulo 2^64 of one random word per active unit, so two given patterns share a key with
    probability 2^-64; that any two of 10^9 distinct patterns do has probability 2.7 %, of 10^10 93 %, of 10^6 3e-8.
    The sum is one matrix product with the words split into digits so small that floating point adds them exactly.
    """
    entry = (pattern_keys.__name__, seed)
    if entry not in block.shared:
        block.shared[entry] = _compute_keys(block.active, seed)
    keys: Keys = block.shared[entry]
    return keys


def _compute_keys(active: NDArray[np.float32], seed: int) -> Keys:
    samples, positions, units = active.shape
    digits, shifts = _split_words(units, seed)
    active = active.astype(digits.dtype, copy=False)
    if positions == 1 or active.strides[1] >= active.strides[2]:
        sums = active.reshape(samples * positions, units) @ digits.T
    else:
        # (digit, unit) @ (unit, position) reads a channels-first tap in memory order and writes whole rows.
        sums = np.matmul(digits, active.transpose(0, 2, 1)).transpose(0, 2, 1)
    keys = np.zeros(sums.shape[:-1], dtype=np.uint64)
    for column, shift in enumerate(shifts):
        keys += sums[..., column].astype(np.uint64) << shift
    keys += random_words(seed, 1)
    return mix64(keys).reshape(-1)


def global_keys(parts: Sequence[Keys]) -> Keys:
    """Key of each sample's global pattern (sample,): its patterns at all sites and positions, in order.

    The thesis' definition 3, (2.12). Each key is salted by its site and position, mixed and summed modulo 2^64, so two
    given global patterns share a key with probability about 2^-64.

    Args:
        parts: for each site the keys of its patterns (sample, position).

    >>> a, b = np.array([[1], [2]], dtype=np.uint64), np.array([[2], [1]], dtype=np.uint64)
    >>> bool((global_keys([a, b]) == global_keys([b, a])).any())
    False
    """
    total = np.zeros(parts[0].shape[0], dtype=np.uint64)
    for site, keys in enumerate(parts):
        total += mix64(keys + random_words(site, keys.shape[1])).sum(axis=1, dtype=np.uint64)
    return mix64(total)


@lru_cache(maxsize=256)
def _split_words(units: int, seed: int) -> tuple[NDArray[Any], tuple[np.uint64, ...]]:
    """The digits of each unit's word (digit, unit), and the shift of each digit in the word."""
    if units <= WORD:
        words = np.uint64(1) << np.arange(units, dtype=np.uint64)
        bits, dtype = FLOAT32_BITS, "float32"
    else:
        words = random_words(seed, units)
        carry = (units - 1).bit_length()
        bits, dtype = FLOAT32_BITS - carry, "float32"
        if bits < FEWEST_BITS:
            bits, dtype = FLOAT64_BITS - carry, "float64"
    shifts = tuple(np.uint64(bit) for bit in range(0, min(units, WORD), bits))
    mask = np.uint64(2**bits - 1)
    digits = np.stack([(words >> shift) & mask for shift in shifts]).astype(dtype)
    digits.setflags(write=False)
    return digits, shifts
