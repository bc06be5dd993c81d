"""Counts of the activation patterns of a site: exact up to a capacity, a mergeable sample of the patterns beyond it."""

from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Self

import numpy as np

from ..errors import OptionError, StateError
from .block import Block
from .keys import WORD, Keys, pattern_keys
from .tables import Counts, Table, add_tables, heaviest, lookup, size_under, tally

CAPACITY = 2**20
TRACKED_SHARE = 4


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
