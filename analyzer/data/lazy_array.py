"""An array that is read a slice of samples at a time, from memory, a file or a compressed stream."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .batch import Array, slice_samples


@dataclass(frozen=True, eq=False)
class LazyArray:
    """Type and shape of an array, and a function that reads its samples.

    Args:
        dtype: type of the values as stored.
        shape: shape of the whole array.
        read: `read(start, stop, axis)` returns samples start..stop along the axis, or the whole array if the axis is
            None. The slices follow one another without a gap, so that a stream can serve them.

    >>> LazyArray.of(np.arange(6)).read(2, 4, 0).tolist()
    [2, 3]
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    read: Callable[[int, int, int | None], Array]

    @classmethod
    def of(cls, array: Array) -> Self:
        """An array in memory or mapped; its slices are views."""
        return cls(array.dtype, array.shape, lambda start, stop, axis: slice_samples(array, axis, slice(start, stop)))
