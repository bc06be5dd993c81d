"""One site's statistics, gathered from the small numbers that a probe gives out."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..native import PatternTable
from ..passes.probe import MOMENTS, PREACTIVATION
from ..sites import Site
from ..stats import (
    CoMoment,
    LabelledPatterns,
    MergeTree,
    Nonfinite,
    Patterns,
    Points,
    PreactivationCoMoment,
    Statistic,
    UnitRanges,
)
from ..stats.comoments import MomentSum
from ..stats.keys import Keys
from ..stats.labelled import Classes, Labels, add_classes, count_classes, pair_keys, require_labels
from ..stats.nonfinite import NONE
from ..stats.points import Bools, Numbers, keep_smallest
from .tap_accumulator import SiteBatchResult

ROWS = 2**14
"""Keys that are mixed at once: they stay in a processor's cache. Those of smaller runs wait for each other."""


class PairTable:
    """Counts of pairs so far, and of classes: what `LabelledPatterns` counts, in a table of pair keys.

    Args:
        capacity: most pairs that are counted exactly.

    Raises:
        OptionError: the capacity is below 1.
        MissingDependencyError: there is no native code here.
    """

    def __init__(self, capacity: int) -> None:
        self._table = PatternTable(capacity)
        self._classes: Classes = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        self._waiting: list[tuple[Keys, Labels]] = []
        self._count = 0

    def add(self, keys: Keys, labels: Labels) -> None:
        """Count the patterns (sample, position) of samples of these classes (sample,).

        Raises:
            MemoryError: the table cannot grow; what it holds then is of no use.
        """
        self._waiting.append((keys, labels))
        self._count += keys.size
        if self._count >= ROWS:
            self._add_waiting()

    def pairs(self, *, units: int, seed: int) -> LabelledPatterns:
        """Everything added so far as a statistic; more may be added afterwards.

        Args:
            units: number of signs in a pattern.
            seed: what the keys of patterns were made with.

        Raises:
            MemoryError: the table cannot grow.
        """
        self._add_waiting()
        return LabelledPatterns.of_counts(self._table.patterns(units=units, seed=seed), self._classes)

    def _add_waiting(self) -> None:
        for positions, runs in groupby(self._waiting, key=lambda run: run[0].shape[1]):
            keys, labels = (np.concatenate(parts) for parts in zip(*runs, strict=True))
            self._classes = add_classes(self._classes, count_classes(labels, positions=positions))
            step = max(1, ROWS // max(1, positions))
            for start in range(0, len(keys), step):
                some = slice(start, start + step)
                self._table.add(pair_keys(keys[some], labels[some]))
        self._waiting, self._count = [], 0


Array = NDArray[Any]

SERVED: frozenset[type[Statistic]] = frozenset(
    {UnitRanges, Points, Patterns, LabelledPatterns, CoMoment, PreactivationCoMoment}
)
"""Statistics that can be made of a probe's numbers."""
_MOMENTS = {CoMoment: MOMENTS, PreactivationCoMoment: tuple(PREACTIVATION + name for name in MOMENTS)}


class ProbeAccumulator:
    """Turns the numbers of one site into statistics and keeps them merged.

    Args:
        site: the site.
        statistics: which statistics to keep, all of them `SERVED`.
        capacity: of pattern tables.
        seed: of pattern keys.
        table: a native table to count patterns in; None if numpy is to.
        pairs: the same for pairs of pattern and class.
    """

    def __init__(
        self,
        site: Site,
        statistics: Sequence[type[Statistic]],
        *,
        capacity: int,
        seed: int,
        table: PatternTable | None,
        pairs: PairTable | None,
    ) -> None:
        self.site = site
        self._statistics = tuple(statistics)
        self._capacity = capacity
        self._seed = seed
        self._trees: dict[type[Statistic], MergeTree[Any]] = {}
        self._sums: dict[type[CoMoment], MomentSum] = {}
        self._table = table
        self._pairs = pairs
        self._units = 0

    def look(self, numbers: Mapping[str, Array], index: Numbers) -> SiteBatchResult:
        """The classes of samples in one run at this site, and the keys; nothing is kept, no statistic is made yet.

        Args:
            numbers: what the probe gave out, by name.
            index: number of each sample (sample,).

        Raises:
            DataError: the numbers are not those of these samples, or some sample is not finite.
        """
        dead, linear, finite = numbers["dead"], numbers["linear"], numbers["finite"]
        if len(finite) != len(index):
            raise DataError(f"site {self.site.name!r}: {len(index)} samples were run, and {len(finite)} seen")
        if not finite.all():
            raise DataError(f"site {self.site.name!r}: some values are NaN or infinite")
        keys = numbers["keys"]
        return SiteBatchResult({}, finite, dead, linear, keys if len(keys) else None)

    def take(self, numbers: Mapping[str, Array], index: Numbers, labels: Labels | None) -> None:
        """Merge what one run showed with everything before it, once `look` has nothing to say against it.

        Args:
            numbers: what the probe gave out, by name.
            index: number of each sample (sample,).
            labels: class of each sample (sample,), or None.

        Raises:
            StateError: the two do not merge: the number of units has changed.
            DataError: pairs of pattern and class are wanted, and there are no labels.
        """
        samples, positions = len(index), numbers["keys"].shape[1]
        parts = (
            Nonfinite(0, 0, NONE),
            UnitRanges(samples * positions, samples, numbers["low"], numbers["high"], numbers["active"]),
            points(numbers["dead"], numbers["linear"], index),
        )
        for part in parts:
            self._trees.setdefault(type(part), MergeTree()).add(part)
        self._units = numbers["low"].size
        if Patterns in self._statistics:
            self._count(numbers["keys"].reshape(-1))
        if LabelledPatterns in self._statistics:
            self._count_pairs(numbers["keys"], require_labels(labels))
        for kind, names in _MOMENTS.items():
            if names[0] in numbers:
                count, mean, m2 = (numbers[name] for name in names)
                self._sums.setdefault(kind, MomentSum()).add(int(count), mean, m2)

    def total(self) -> dict[type[Statistic], Any]:
        """Everything taken so far, by statistic."""
        found: dict[type[Statistic], Any] = {kind: tree.total() for kind, tree in self._trees.items()}
        found |= {kind: kind(*moments.total()) for kind, moments in self._sums.items()}
        if self._table is not None and self._units:
            found[Patterns] = self._table.patterns(units=self._units, seed=self._seed)
        if self._pairs is not None and self._units:
            found[LabelledPatterns] = self._pairs.pairs(units=self._units, seed=self._seed)
        return found

    def let_go(self) -> None:
        """Give the memory up; nothing can be taken or told any more."""
        self._trees, self._sums = {}, {}
        self._table = self._pairs = None

    def _count(self, keys: Array) -> None:
        if self._table is not None:
            self._table.add(keys)
        else:
            seen = Patterns.of_keys(keys, units=self._units, capacity=self._capacity, seed=self._seed)
            self._trees.setdefault(Patterns, MergeTree()).add(seen)

    def _count_pairs(self, keys: Array, labels: Labels) -> None:
        if self._pairs is not None:
            self._pairs.add(keys, labels)
        else:
            seen = LabelledPatterns.of_pairs(keys, labels, units=self._units, capacity=self._capacity, seed=self._seed)
            self._trees.setdefault(LabelledPatterns, MergeTree()).add(seen)


def points(dead: Bools, linear: Bools, index: Numbers) -> Points:
    """The classes of a few samples, counted and listed.

    >>> import numpy as np
    >>> points(np.array([True, False]), np.array([False, False]), np.array([4, 5])).listed_nonlinear.tolist()
    [5]
    """
    return Points(
        dead.size,
        int(np.count_nonzero(dead)),
        int(np.count_nonzero(linear)),
        keep_smallest(index[dead]),
        keep_smallest(index[linear]),
        keep_smallest(index[~(dead | linear)]),
    )
