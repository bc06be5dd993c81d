"""The pattern table: what `Patterns` counts, counted by native code as the keys come."""

import ctypes
import weakref

import numpy as np

from ..errors import MissingDependencyError, OptionError
from ..stats import Patterns
from ..stats.keys import Keys
from ..stats.patterns import CAPACITY, TRACKED_SHARE
from ..stats.tables import heaviest
from .library import loaded, unavailable_reason

SIZES = 5


class PatternTable:
    """Counts of patterns so far. Level, keys, counts and total are those of `Patterns`, to the last one.

    Past the capacity the frequent patterns are kept by space-saving (Metwally, Agrawal & El Abbadi, Efficient
    computation of frequent and top-k elements in data streams, 2005), so they may be others than `Patterns` keeps; what
    is promised of them holds of both: the true count lies in [count, count + missed], that of any other is at most
    `floor`, and which are kept does not depend on the bits that choose the sample.

    Args:
        capacity: most keys that are counted exactly.

    Raises:
        OptionError: the capacity is below 1.
        MissingDependencyError: there is no native code here; `unavailable_reason` says why.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        if capacity < 1:
            raise OptionError(f"capacity must be at least 1 pattern, got {capacity}; the default is {CAPACITY}")
        if reason := unavailable_reason():
            raise MissingDependencyError(f"the pattern table wants native code: {reason}")
        self.capacity = capacity
        self._library = loaded()
        self._library.relucid_table_create.restype = ctypes.c_void_p
        self._table = ctypes.c_void_p(self._library.relucid_table_create(ctypes.c_int64(capacity)))
        if not self._table:
            raise MemoryError(f"there is no memory for a table of {capacity} patterns")
        weakref.finalize(self, self._library.relucid_table_destroy, self._table)

    def add(self, keys: Keys) -> None:
        """Count keys as `pattern_keys` makes them (key,), in any order, each as often as its pattern occurs.

        Other threads run meanwhile; none of them may use this same table.

        Raises:
            MemoryError: the table cannot grow; what it holds then is of no use.
        """
        keys = np.ascontiguousarray(keys, dtype=np.uint64)
        if not self._library.relucid_table_add(self._table, _pointer(keys), ctypes.c_int64(keys.size)):
            raise MemoryError(f"there is no memory for a table of {self.capacity} patterns")

    def patterns(self, *, units: int, seed: int = 0) -> Patterns:
        """Everything added so far as a statistic; more may be added afterwards.

        Args:
            units: number of signs in a pattern.
            seed: what the keys were made with.
        """
        sizes = np.empty(SIZES, dtype=np.int64)
        self._library.relucid_table_sizes(self._table, _pointer(sizes))
        level, total, sampled, frequent, floor = sizes.tolist()
        keys, counts = np.empty(sampled, dtype=np.uint64), np.empty(sampled, dtype=np.int64)
        self._library.relucid_table_read(self._table, _pointer(keys), _pointer(counts))
        often, (seen, missed) = np.empty(frequent, dtype=np.uint64), np.empty((2, frequent), dtype=np.int64)
        self._library.relucid_table_frequent(self._table, _pointer(often), _pointer(seen), _pointer(missed))
        # The last to come are kept whether frequent or not: not to be told from those that occurred once.
        known = seen > missed
        kept = known & heaviest(np.where(known, seen, 0), self.capacity // TRACKED_SHARE)
        floor = max(floor, int((seen + missed)[~kept].max(initial=0)))
        order = np.flatnonzero(kept)[np.argsort(often[kept])]
        return Patterns(
            units, seed, self.capacity, total, level, keys, counts, often[order], seen[order], missed[order], floor
        )


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
