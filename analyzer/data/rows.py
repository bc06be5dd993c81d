"""Rows: samples of one array, a slice at a time, wherever they lie: in memory, in a file, in a compressed stream."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .batch import Array, along


class Rows(Protocol):
    """One array of the data, readable a slice of samples at a time."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values as stored."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole array."""
        ...

    def take(self, start: int, stop: int, /, *, axis: int | None) -> Array:
        """Samples start..stop along the axis; the whole array if the axis is None.

        Called with growing, adjoining slices, so that a stream can serve it.
        """
        ...


@dataclass(frozen=True, eq=False)
class Held:
    """Rows of an array that can be indexed: in memory, or mapped.

    >>> Held(np.arange(6)).take(2, 4, axis=0).tolist()
    [2, 3]
    """

    array: Array

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.array.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole array."""
        return self.array.shape

    def take(self, start: int, stop: int, /, *, axis: int | None) -> Array:
        """A view of samples start..stop."""
        return along(self.array, axis, slice(start, stop))
