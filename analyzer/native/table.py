"""A table of pattern counts: what `Patterns` and `LabelledPatterns` count, counted run by run in native code."""

import ctypes
import weakref
from itertools import groupby

import numpy as np

from ..errors import MissingDependencyError, OptionError
from ..stats import LabelledPatterns, Patterns
from ..stats.keys import Keys
from ..stats.labelled import Classes, Labels, add_classes, count_classes, pair_keys
from ..stats.patterns import CAPACITY, TRACKED_SHARE, heaviest
from .library import load_library, unavailable_reason

SIZES = 5
"""How many numbers `relucid_table_sizes` writes."""
PAIRS_AT_ONCE = 2**14
"""Number of pairs whose keys are computed at once, to fit in a processor's cache; smaller runs are collected."""


class PatternTable:
    """Counts of patterns (`add`, `patterns`), or of pairs of a pattern and a class (`add_pairs`, `pairs`).

    Level, keys, counts and total are exactly those of `Patterns`. Past the capacity the frequent patterns are kept by
    space-saving (Metwally, Agrawal & El Abbadi, Efficient computation of frequent and top-k elements in data streams,
    2005), so they can be other patterns than `Patterns` keeps. The same bounds hold for both: the true count is in
    [count, count + missed], that of any other pattern is at most `floor`, and which patterns are kept does not depend
    on the bits that choose the sample.

    Args:
        capacity: maximum number of keys that are counted exactly.

    Raises:
        OptionError: the capacity is below 1.
        MissingDependencyError: there is no native code; the message says why.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        if capacity < 1:
            raise OptionError(f"expected a capacity of at least 1 pattern, got {capacity}; the default is {CAPACITY}")
        if reason := unavailable_reason():
            raise MissingDependencyError(f"the pattern table needs native code: {reason}")
        self.capacity = capacity
        self._library = load_library()
        self._library.relucid_table_create.restype = ctypes.c_void_p
        self._table = ctypes.c_void_p(self._library.relucid_table_create(ctypes.c_int64(capacity)))
        if not self._table:
            raise MemoryError(f"cannot allocate a table of {capacity} patterns; use a smaller capacity")
        weakref.finalize(self, self._library.relucid_table_destroy, self._table)
        self._classes: Classes = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        self._pending: list[tuple[Keys, Labels]] = []
        self._pending_count = 0

    def add(self, keys: Keys) -> None:
        """Add occurrences of patterns, one key of `pattern_keys` for each occurrence, in any order (key,).

        The GIL is released during the call; no other thread may use the same table.

        Raises:
            MemoryError: the table cannot grow; its contents are invalid afterwards.
        """
        keys = np.ascontiguousarray(keys, dtype=np.uint64)
        if not self._library.relucid_table_add(self._table, _pointer(keys), ctypes.c_int64(keys.size)):
            raise MemoryError(f"cannot allocate a table of {self.capacity} patterns; use a smaller capacity")

    def add_pairs(self, keys: Keys, labels: Labels) -> None:
        """Count the pairs of the patterns (sample, position) and the classes (sample,) of their samples.

        Raises:
            MemoryError: the table cannot grow; its contents are invalid afterwards.
        """
        self._pending.append((keys, labels))
        self._pending_count += keys.size
        if self._pending_count >= PAIRS_AT_ONCE:
            self._add_pending()

    def patterns(self, *, units: int, seed: int = 0) -> Patterns:
        """Return everything added so far as a statistic; more may be added afterwards.

        Args:
            units: number of signs in a pattern.
            seed: seed of the keys.
        """
        sizes = np.empty(SIZES, dtype=np.int64)
        self._library.relucid_table_sizes(self._table, _pointer(sizes))
        level, total, sampled, frequent, floor = sizes.tolist()
        keys, counts = np.empty(sampled, dtype=np.uint64), np.empty(sampled, dtype=np.int64)
        self._library.relucid_table_read(self._table, _pointer(keys), _pointer(counts))
        often, (count, missed) = np.empty(frequent, dtype=np.uint64), np.empty((2, frequent), dtype=np.int64)
        self._library.relucid_table_frequent(self._table, _pointer(often), _pointer(count), _pointer(missed))
        # Space-saving always keeps the most recent keys, frequent or not, and cannot distinguish them.
        known = count > missed
        kept = known & heaviest(np.where(known, count, 0), self.capacity // TRACKED_SHARE)
        floor = max(floor, int((count + missed)[~kept].max(initial=0)))
        order = np.flatnonzero(kept)[np.argsort(often[kept])]
        return Patterns(
            units, seed, self.capacity, total, level, keys, counts, often[order], count[order], missed[order], floor
        )

    def pairs(self, *, units: int, seed: int) -> LabelledPatterns:
        """Return all pairs added so far as a statistic; more may be added afterwards.

        Args:
            units: number of signs in a pattern.
            seed: seed of the pattern keys.

        Raises:
            MemoryError: the table cannot grow.
        """
        self._add_pending()
        return LabelledPatterns.of_counts(self.patterns(units=units, seed=seed), self._classes)

    def _add_pending(self) -> None:
        for positions, runs in groupby(self._pending, key=lambda run: run[0].shape[1]):
            keys, labels = (np.concatenate(parts) for parts in zip(*runs, strict=True))
            self._classes = add_classes(self._classes, count_classes(labels, positions=positions))
            step = max(1, PAIRS_AT_ONCE // max(1, positions))
            for start in range(0, len(keys), step):
                part = slice(start, start + step)
                self.add(pair_keys(keys[part], labels[part]))
        self._pending, self._pending_count = [], 0


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
