"""Pairs of pattern and class, counted in a native table as the keys of patterns come."""

from itertools import groupby

import numpy as np

from .native import PatternTable
from .stats import LabelledPatterns
from .stats.keys import Keys
from .stats.labelled import Classes, Labels, add_classes, count_classes, pair_keys

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
        return LabelledPatterns.of_counted(self._table.patterns(units=units, seed=seed), self._classes)

    def _add_waiting(self) -> None:
        for positions, runs in groupby(self._waiting, key=lambda run: run[0].shape[1]):
            keys, labels = (np.concatenate(parts) for parts in zip(*runs, strict=True))
            self._classes = add_classes(self._classes, count_classes(labels, positions=positions))
            step = max(1, ROWS // max(1, positions))
            for start in range(0, len(keys), step):
                some = slice(start, start + step)
                self._table.add(pair_keys(keys[some], labels[some]))
        self._waiting, self._count = [], 0
