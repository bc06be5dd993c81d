"""An .npy file: one array for a model with one input, mapped and never read as a whole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy_format

from ..errors import DataError
from .batch import Array, Feed, along
from .input_spec import InputSpec, described, only_input
from .validation import conform, open_file


@dataclass(frozen=True)
class Header:
    """What the first bytes of an array in the .npy format say.

    Args:
        dtype: type of the values.
        shape: shape of the array.
        fortran: whether the first axis runs fastest.
        size: bytes of the header itself; the values follow.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    size: int


def read_header(stream: IO[bytes], *, length: int, source: str) -> Header:
    """Read the header and leave the stream at the first value.

    Args:
        stream: at the first byte of the array.
        length: bytes the array has with its header.
        source: what messages call the array.

    Raises:
        DataError: not an .npy array, an object or structured array, or fewer or more values than the shape says.
    """
    try:
        version = npy_format.read_magic(stream)
        if version not in {(1, 0), (2, 0)}:
            raise DataError(f"{source}: an array wants .npy format 1.0 or 2.0, came {version[0]}.{version[1]}")
        read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except ValueError as error:
        raise DataError(f"{source}: not an array in the .npy format ({str(error).splitlines()[0]})") from error
    if dtype.hasobject:
        raise DataError(f"{source}: holds Python objects, which are never read; save it as a plain numeric array")
    if dtype.kind not in "biufcSUMm" or any(size < 0 for size in shape):
        raise DataError(f"{source}: wants a plain numeric array, came {dtype} {described(shape)}")
    size = stream.tell()
    values = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size + values != length:
        raise DataError(
            f"{source}: damaged: {dtype} {described(shape)} wants {values} bytes of values, came {length - size}"
        )
    return Header(dtype, shape, fortran, size)


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


def read_npy(
    path: Path, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None
) -> Iterator[Feed]:
    """Feeds of the one array in the file.

    Raises:
        DataError: the file is not an .npy array, the model has several inputs, or the array does not fit.
    """
    spec = only_input(specs, columns=columns, labels=labels, source=path.name)
    return conform({spec.name: map_npy(path)}, specs, source=path.name)


def map_npy(path: Path) -> Mapped:
    """The array of an .npy file as rows.

    Raises:
        DataError: the file cannot be read, or is not an .npy array.
    """
    with open_file(path, source=path.name) as stream:
        header = read_header(stream, length=path.stat().st_size, source=path.name)
    return Mapped(path, header, header.size)
