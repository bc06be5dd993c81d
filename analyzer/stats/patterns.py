"""Counts of the activation patterns of a site: exact up to a capacity, a mergeable sample of the patterns beyond it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, StateError
from .block import Block
from .keys import WORD, Keys, pattern_keys

Counts = NDArray[np.int64]
Table = tuple[Keys, Counts]
"""Sorted distinct keys with a count each."""

CAPACITY = 2**20
TRACKED_SHARE = 4
CHUNK_KEYS = 2**14
"""Number of keys of the larger table in one chunk, so that a chunk fits in a processor's cache."""


@dataclass(frozen=True, eq=False)
class Patterns:
    """Counts of patterns (thesis, definition 4) by their `pattern_keys`, in bounded memory.

    Two parts:

    - The sample: all patterns whose key is below 2^(64 - level), with exact counts. The level is the smallest with at
      most `capacity` such keys, so level 0 means that everything is counted exactly. A key below the threshold is never
      dropped, so the sample is the same for any split of the data and any order of merging.
    - The frequent patterns, kept from level 1 on regardless of their keys: the `capacity // 4` largest counts, each
      with the number of occurrences that may be missing from it. The true count is in [count, count + missed]; that of
      a pattern in neither part is at most `floor`. For a pattern that is frequent from the start, missed is 0. Which
      patterns are kept depends on the order of merging, but never on the keys, so an estimate may treat frequent
      patterns as known and the sample as a random sample of the others.

    Args:
        units: number of signs in a pattern, d.
        seed: seed of the keys.
        capacity: maximum number of keys in the sample.
        total: occurrences of all patterns, exact.
        level: a key is sampled with probability 2^-level.
        keys: sampled keys, sorted, uint64.
        counts: occurrences of each, int64.
        frequent_keys: keys of the frequent patterns, sorted, uint64; empty at level 0.
        frequent_counts: counted occurrences of each, int64.
        frequent_missed: maximum number of uncounted occurrences of each, int64.
        floor: maximum number of occurrences of a pattern in neither part; 0 at level 0.

    >>> patterns = Patterns.of(Block(np.array([[[1.0, -2.0], [3.0, 0.0]], [[-1.0, 1.0], [2.0, 2.0]]])))
    >>> patterns.total, patterns.level, sorted(patterns.counts.tolist())
    (4, 0, [1, 1, 2])
    """

    units: int
    seed: int
    capacity: int
    total: int
    level: int
    keys: Keys
    counts: Counts
    frequent_keys: Keys
    frequent_counts: Counts
    frequent_missed: Counts
    floor: int

    @classmethod
    def of(cls, block: Block, *, capacity: int = CAPACITY, seed: int = 0) -> Self:
        """The statistic of one block.

        Raises:
            OptionError: the capacity is below 1.
        """
        return cls.of_keys(pattern_keys(block, seed=seed), units=block.z.shape[2], capacity=capacity, seed=seed)

    @classmethod
    def of_keys(cls, keys: Keys, *, units: int, capacity: int = CAPACITY, seed: int = 0, **more: Any) -> Self:
        """The statistic from uniformly distributed keys, in any order, one for each occurrence of a pattern.

        Raises:
            OptionError: the capacity is below 1.
        """
        if capacity < 1:
            raise OptionError(f"capacity: expected at least 1 pattern, got {capacity}; the default is {CAPACITY}")
        distinct, counts = tally(keys)
        none, zero = distinct[:0], counts[:0]
        whole = cls(units, seed, capacity, keys.size, 0, distinct, counts, none, zero, zero, 0, **more)
        return whole._fit_capacity(whole)

    def merge(self, other: Self) -> Self:
        """The statistic of two disjoint parts of the data together.

        Raises:
            StateError: the two differ in units, seed or capacity.
        """
        for name in ("units", "seed", "capacity"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise StateError(
                    f"patterns: expected the same {name} in both parts, got {name} {mine} and {theirs}; use one"
                )
        level = max(self.level, other.level)
        keys, counts = add_tables(self.sample(level), other.sample(level))
        both = replace(self, total=self.total + other.total, level=level, keys=keys, counts=counts)
        return both._fit_capacity(self, other)

    def sample(self, level: int) -> Table:
        """The sampled keys and counts at a level not below the state's."""
        size = size_under(self.keys, level)
        return self.keys[:size], self.counts[:size]

    def bounds(self, keys: Keys) -> tuple[Counts, Counts]:
        """(count, missed) of each key, each (key,): its pattern occurs count to count + missed times."""
        counts, missed = self.frequent_bounds(keys)
        if self.level == 0:
            return counts, missed
        sampled = keys < np.uint64(2 ** (WORD - self.level))
        counts = np.where(sampled, lookup((self.keys, self.counts), keys), counts)
        return counts, np.where(sampled, 0, missed)

    def frequent_bounds(self, keys: Keys) -> tuple[Counts, Counts]:
        """The same bounds from the frequent patterns alone; without the sample they do not depend on the keys."""
        if self.level == 0:
            counts = lookup((self.keys, self.counts), keys)
            return counts, np.zeros_like(counts)
        counts = lookup((self.frequent_keys, self.frequent_counts), keys)
        return counts, lookup((self.frequent_keys, self.frequent_missed), keys, absent=self.floor)

    def _fit_capacity(self, *parts: Self) -> Self:
        """This state at the first level whose sample fits, with the frequent patterns of its parts."""
        level = self.level
        while size_under(self.keys, level) > self.capacity:
            level += 1
        if level == 0:
            return self
        keys, counts = self.sample(level)
        floor = sum(part.floor for part in parts)
        if self.level == 0:
            candidates, counted, missed = self.keys, self.counts, np.zeros_like(self.counts)
        else:
            candidates, columns = reduce(add_tables, (part._candidates() for part in parts))
            counted, missed = columns[:, 0], columns[:, 1] + floor
        kept = heaviest(counted, self.capacity // TRACKED_SHARE)
        floor = max(floor, int((counted + missed)[~kept].max(initial=0)))
        return replace(
            self,
            level=level,
            keys=keys.copy(),
            counts=counts.copy(),
            frequent_keys=candidates[kept],
            frequent_counts=counted[kept],
            frequent_missed=missed[kept],
            floor=floor,
        )

    def _candidates(self) -> Table:
        """Keys that may be kept, with columns (count, missed - floor); an absent key has (0, 0)."""
        if self.level == 0:
            return self.keys, np.stack([self.counts, np.zeros_like(self.counts)], axis=1)
        return self.frequent_keys, np.stack([self.frequent_counts, self.frequent_missed - self.floor], axis=1)


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

    Breaking ties by key would choose by hash, and the choice must not depend on the hash (see `Patterns`).

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
