"""Arrays that lie uncompressed in a file: mapped anew for every slice, so that no more than a slice stays in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .feeds import Array, along
from .header import Header


@dataclass(frozen=True)
class Mapped:
    """Rows of an array in a file.

    Args:
        path: the file.
        header: dtype, shape and order of the array.
        offset: where in the file its first value lies.
    """

    path: Path
    header: Header
    offset: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values as stored."""
        return self.header.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole array."""
        return self.header.shape

    def take(self, start: int, stop: int, /, *, axis: int | None) -> Array:
        """Samples start..stop, in a mapping of their own: its pages go with them."""
        order: Literal["C", "F"] = "F" if self.header.fortran else "C"
        array = np.asarray(np.memmap(self.path, self.dtype, "r", self.offset, self.shape, order))
        return along(array, axis, slice(start, stop))
