"""Tables of counts: sorted distinct keys with a count each. Add two, look keys up, find the heaviest."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .keys import WORD, Keys

Counts = NDArray[np.int64]
Table = tuple[Keys, Counts]

PIECE = 2**14
"""Keys of the larger table that are added at once."""


def tally(keys: Keys) -> Table:
    """Count equal keys.

    >>> [part.tolist() for part in tally(np.array([7, 3, 7], dtype=np.uint64))]
    [[3, 7], [1, 2]]
    """
    keys = np.sort(keys)
    starts = _run_starts(keys)
    return keys[starts], np.diff(starts, append=keys.size)


def add(a: Table, b: Table) -> Table:
    """Both tables in one, in O(size), cut at the same keys into pieces that stay in a processor's cache.

    Counts may have several columns (key, column); each is added by itself.

    >>> a = tally(np.array([3, 7, 7], dtype=np.uint64))
    >>> [part.tolist() for part in add(a, a)]
    [[3, 7], [2, 4]]
    """
    pivots = max(a[0], b[0], key=len)[PIECE::PIECE]
    if not pivots.size:
        return _add(a, b)
    keys = np.empty(a[0].size + b[0].size, dtype=np.uint64)
    counts = np.empty((keys.size, *a[1].shape[1:]), dtype=np.int64)
    filled = 0
    for one, other in zip(_cut(a, pivots), _cut(b, pivots), strict=True):
        piece = _add(one, other)
        end = filled + piece[0].size
        keys[filled:end], counts[filled:end] = piece
        filled = end
    # Shrunk in place, so that no copy of a large table ever stands beside it; nothing else refers to the arrays.
    keys.resize(filled, refcheck=False)
    counts.resize((filled, *counts.shape[1:]), refcheck=False)
    return keys, counts


def lookup(table: Table, keys: Keys, *, absent: int = 0) -> Counts:
    """Count of each key (key,), `absent` where the table does not hold it.

    >>> lookup(tally(np.array([3, 7, 7], dtype=np.uint64)), np.array([7, 8], dtype=np.uint64)).tolist()
    [2, 0]
    """
    if table[0].size == 0:
        return np.full(keys.size, absent, dtype=np.int64)
    place = np.minimum(np.searchsorted(table[0], keys), table[0].size - 1)
    return np.where(table[0][place] == keys, table[1][place], absent)


def heaviest(counts: Counts, most: int) -> NDArray[np.bool_]:
    """Which counts are among the `most` largest (key,); of a tie that does not fit whole, none is.

    Breaking ties by key would choose by hash, and what is chosen must not depend on the hash (see `patterns`).

    >>> heaviest(np.array([5, 1, 3, 3]), 2).tolist(), heaviest(np.array([5, 1, 3, 3]), 3).tolist()
    ([True, False, False, False], [True, False, True, True])
    """
    if counts.size <= most:
        return np.ones(counts.size, dtype=np.bool_)
    bar = np.partition(counts, counts.size - most - 1)[counts.size - most - 1]
    return np.asarray(counts > bar)


def size_under(keys: Keys, level: int) -> int:
    """How many of the sorted keys lie below 2^(64 - level), which a random key does with probability 2^-level."""
    if level == 0:
        return keys.size
    return int(np.searchsorted(keys, np.uint64(2 ** (WORD - level))))


def _run_starts(keys: Keys) -> NDArray[np.int64]:
    first = np.ones(keys.size, dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return np.flatnonzero(first)


def _cut(table: Table, pivots: Keys) -> Iterator[Table]:
    edges = [0, *np.searchsorted(table[0], pivots).tolist(), table[0].size]
    return ((table[0][i:j], table[1][i:j]) for i, j in pairwise(edges))


def _add(a: Table, b: Table) -> Table:
    """Both tables in one; a stable sort finds the two sorted runs and merges them."""
    keys = np.concatenate([a[0], b[0]])
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], np.concatenate([a[1], b[1]])[order]
    twins = np.flatnonzero(keys[1:] == keys[:-1])
    counts[twins] += counts[twins + 1]
    kept = np.ones(keys.size, dtype=np.bool_)
    kept[twins + 1] = False
    return keys[kept], counts[kept]
