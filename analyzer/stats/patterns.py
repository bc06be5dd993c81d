"""How often each activation pattern of a site occurs: exact up to a capacity, beyond it a sample that still merges."""

from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Self

import numpy as np

from ..errors import OptionError, StateError
from .block import Block
from .keys import WORD, Keys, pattern_keys
from .tables import Counts, Table, add, heaviest, lookup, size_under, tally

CAPACITY = 2**20
TRACKED_SHARE = 4


@dataclass(frozen=True, eq=False)
class Patterns:
    """Counts of patterns (thesis, definition 4), keyed as `pattern_keys` tells, in bounded memory.

    Two parts:

    - The sample: all patterns whose key lies below 2^(64 - level), with exact counts. The level is the smallest at
      which at most `capacity` keys do, so level 0 means that everything is counted exactly. A key below the threshold
      was never dropped, hence the sample is the same however the data was cut and in whatever order it was merged.
    - The frequent patterns, kept from level 1 on, whatever their key: the `capacity // 4` largest counts, each with the
      number of occurrences it may have missed before it was kept. The true count lies in [count, count + missed]; that
      of a pattern in neither part is at most `floor`. A pattern that is frequent from the start has missed nothing.
      Which are kept depends on the order of merging, but never on the keys: this lets an estimate treat frequent
      patterns as known and the sample as a fair draw from the rest.

    Args:
        units: number of signs in a pattern, d.
        seed: what the keys were made with.
        capacity: most keys the sample may hold.
        total: occurrences of all patterns, exact.
        level: a key is sampled with probability 2^-level.
        keys: sampled keys, sorted, uint64.
        counts: occurrences of each, int64.
        frequent_keys: keys of the frequent patterns, sorted, uint64; empty at level 0.
        frequent_counts: occurrences seen of each, int64.
        frequent_missed: most occurrences not seen of each, int64.
        floor: most occurrences of a pattern that is in neither part; 0 at level 0.

    >>> seen = Patterns.of(Block(np.array([[[1.0, -2.0], [3.0, 0.0]], [[-1.0, 1.0], [2.0, 2.0]]])))
    >>> seen.total, seen.level, sorted(seen.counts.tolist())
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
        """What one block shows.

        Raises:
            OptionError: the capacity is below 1.
        """
        return cls.of_keys(pattern_keys(block, seed=seed), units=block.z.shape[2], capacity=capacity, seed=seed)

    @classmethod
    def of_keys(cls, keys: Keys, *, units: int, capacity: int = CAPACITY, seed: int = 0, **more: Any) -> Self:
        """The same from keys made elsewhere (any order, repeated as often as the pattern occurs), evenly scattered.

        Raises:
            OptionError: the capacity is below 1.
        """
        if capacity < 1:
            raise OptionError(f"capacity must be at least 1 pattern, got {capacity}; the default is {CAPACITY}")
        distinct, counts = tally(keys)
        none, zero = distinct[:0], counts[:0]
        whole = cls(units, seed, capacity, keys.size, 0, distinct, counts, none, zero, zero, 0, **more)
        return whole._fitted(whole)

    def merge(self, other: Self) -> Self:
        """What two disjoint parts of the data show together.

        Raises:
            StateError: the two differ in units, seed or capacity.
        """
        for name in ("units", "seed", "capacity"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise StateError(f"patterns with {name} {mine} and {theirs} cannot be merged; use the same {name}")
        level = max(self.level, other.level)
        keys, counts = add(self.sample(level), other.sample(level))
        both = replace(self, total=self.total + other.total, level=level, keys=keys, counts=counts)
        return both._fitted(self, other)

    def sample(self, level: int) -> Table:
        """The sampled keys and counts as they would be at this level, not below the state's own."""
        size = size_under(self.keys, level)
        return self.keys[:size], self.counts[:size]

    def bounds(self, keys: Keys) -> tuple[Counts, Counts]:
        """(count, missed) of each key, each (key,): it occurred at least count, at most count + missed times."""
        counts, missed = self.tracked(keys)
        if self.level == 0:
            return counts, missed
        sampled = keys < np.uint64(2 ** (WORD - self.level))
        counts = np.where(sampled, lookup((self.keys, self.counts), keys), counts)
        return counts, np.where(sampled, 0, missed)

    def tracked(self, keys: Keys) -> tuple[Counts, Counts]:
        """The same from the frequent patterns alone, without the sample, so that it does not depend on the keys."""
        if self.level == 0:
            counts = lookup((self.keys, self.counts), keys)
            return counts, np.zeros_like(counts)
        counts = lookup((self.frequent_keys, self.frequent_counts), keys)
        return counts, lookup((self.frequent_keys, self.frequent_missed), keys, absent=self.floor)

    def _fitted(self, *parts: Self) -> Self:
        """This state at the level where its sample fits, with the frequent patterns of the parts it is made of."""
        level = self.level
        while size_under(self.keys, level) > self.capacity:
            level += 1
        if level == 0:
            return self
        keys, counts = self.sample(level)
        floor = sum(part.floor for part in parts)
        if self.level == 0:
            candidates, seen, missed = self.keys, self.counts, np.zeros_like(self.counts)
        else:
            candidates, columns = reduce(add, (part._candidates() for part in parts))
            seen, missed = columns[:, 0], columns[:, 1] + floor
        kept = heaviest(seen, self.capacity // TRACKED_SHARE)
        floor = max(floor, int((seen + missed)[~kept].max(initial=0)))
        return replace(
            self,
            level=level,
            keys=keys.copy(),
            counts=counts.copy(),
            frequent_keys=candidates[kept],
            frequent_counts=seen[kept],
            frequent_missed=missed[kept],
            floor=floor,
        )

    def _candidates(self) -> Table:
        """Keys that may be kept, each with its count and with what it missed less than a key that is absent here."""
        if self.level == 0:
            return self.keys, np.stack([self.counts, np.zeros_like(self.counts)], axis=1)
        return self.frequent_keys, np.stack([self.frequent_counts, self.frequent_missed - self.floor], axis=1)
