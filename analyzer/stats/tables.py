"""Tables of counts: sorted distinct keys with a count each. Count keys, add tables, look up keys, find the largest."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .keys import WORD, Keys

Counts = NDArray[np.int64]
Table = tuple[Keys, Counts]

CHUNK_KEYS = 2**14
"""Number of keys of the larger table in one chunk, so that a chunk fits in a processor's cache."""


def tally(keys: Keys) -> Table:
    """Count equal keys.

    >>> [part.tolist() for part in tally(np.array([7, 3, 7], dtype=np.uint64))]
    [[3, 7], [1, 2]]
    """
    keys = np.sort(keys)
    starts = _run_starts(keys)
    return keys[starts], np.diff(starts, append=keys.size)


def add_tables(a: Table, b: Table) -> Table:
    """Add two tables in O(size), split at the same keys into chunks that stay in a processor's cache.

    Counts may have several columns (key, column); each is added by itself.

    >>> a = tally(np.array([3, 7, 7], dtype=np.uint64))
    >>> [part.tolist() for part in add_tables(a, a)]
    [[3, 7], [2, 4]]
    """
    pivots = max(a[0], b[0], key=len)[CHUNK_KEYS::CHUNK_KEYS]
    if not pivots.size:
        return _add_chunks(a, b)
    keys = np.empty(a[0].size + b[0].size, dtype=np.uint64)
    counts = np.empty((keys.size, *a[1].shape[1:]), dtype=np.int64)
    filled = 0
    for one, other in zip(_split(a, pivots), _split(b, pivots), strict=True):
        chunk = _add_chunks(one, other)
        end = filled + chunk[0].size
        keys[filled:end], counts[filled:end] = chunk
        filled = end
    # Shrunk in place, so that a large table is never in memory twice; nothing else refers to the arrays.
    keys.resize(filled, refcheck=False)
    counts.resize((filled, *counts.shape[1:]), refcheck=False)
    return keys, counts


def lookup(table: Table, keys: Keys, *, absent: int = 0) -> Counts:
    """Count of each key (key,), `absent` for keys that are not in the table.

    >>> lookup(tally(np.array([3, 7, 7], dtype=np.uint64)), np.array([7, 8], dtype=np.uint64)).tolist()
    [2, 0]
    """
    if table[0].size == 0:
        return np.full(keys.size, absent, dtype=np.int64)
    place = np.minimum(np.searchsorted(table[0], keys), table[0].size - 1)
    return np.where(table[0][place] == keys, table[1][place], absent)


def heaviest(counts: Counts, most: int) -> NDArray[np.bool_]:
    """Which counts are among the `most` largest (key,); of equal counts that do not all fit, none is.

    Breaking ties by key would choose by hash, and the choice must not depend on the hash (see `patterns`).

    >>> heaviest(np.array([5, 1, 3, 3]), 2).tolist(), heaviest(np.array([5, 1, 3, 3]), 3).tolist()
    ([True, False, False, False], [True, False, True, True])
    """
    if counts.size <= most:
        return np.ones(counts.size, dtype=np.bool_)
    bar = np.partition(counts, counts.size - most - 1)[counts.size - most - 1]
    return np.asarray(counts > bar)


def size_under(keys: Keys, level: int) -> int:
    """Number of sorted keys below 2^(64 - level); a random key is below it with probability 2^-level."""
    if level == 0:
        return keys.size
    return int(np.searchsorted(keys, np.uint64(2 ** (WORD - level))))


def _run_starts(keys: Keys) -> NDArray[np.int64]:
    first = np.ones(keys.size, dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return np.flatnonzero(first)


def _split(table: Table, pivots: Keys) -> Iterator[Table]:
    edges = [0, *np.searchsorted(table[0], pivots).tolist(), table[0].size]
    return ((table[0][i:j], table[1][i:j]) for i, j in pairwise(edges))


def _add_chunks(a: Table, b: Table) -> Table:
    """Add two tables with a stable sort, which finds the two sorted runs and merges them."""
    keys = np.concatenate([a[0], b[0]])
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], np.concatenate([a[1], b[1]])[order]
    duplicates = np.flatnonzero(keys[1:] == keys[:-1])
    counts[duplicates] += counts[duplicates + 1]
    kept = np.ones(keys.size, dtype=np.bool_)
    kept[duplicates + 1] = False
    return keys[kept], counts[kept]
