"""An .npy file: one array for a model with one input, memory-mapped slice by slice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy_format

from ..errors import DataError
from .batch import Array, Samples, slice_samples
from .input_spec import InputSpec, format_shape, require_one_input
from .lazy_array import LazyArray
from .validation import conform, open_file


def read_npy(
    path: Path, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None
) -> Iterator[Samples]:
    """Samples of the array in the file.

    Raises:
        DataError: the file is not an .npy array, the model has several inputs, or the array does not fit.
    """
    spec = require_one_input(specs, columns=columns, labels=labels, source=path.name)
    return conform({spec.name: open_npy(path)}, specs, source=path.name)


def open_npy(path: Path) -> LazyArray:
    """The array of an .npy file.

    Raises:
        DataError: the file cannot be read, or is not an .npy array.
    """
    with open_file(path, source=path.name) as stream:
        header = read_header(stream, length=path.stat().st_size, source=path.name)
    return map_array(path, header, header.size)


@dataclass(frozen=True)
class Header:
    """The header of an array in the .npy format.

    Args:
        dtype: type of the values.
        shape: shape of the array.
        fortran: whether the array is in Fortran order, its first axis contiguous.
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
        length: bytes of the array with its header.
        source: name of the array in messages.

    Raises:
        DataError: not an .npy array, an object or structured array, or not as many values as the shape needs.
    """
    try:
        version = npy_format.read_magic(stream)
        if version not in {(1, 0), (2, 0)}:
            got = f"{version[0]}.{version[1]}"
            raise DataError(f"{source}: expected .npy format 1.0 or 2.0, got {got}; save it again with numpy.save")
        read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except ValueError as error:
        cause = str(error).splitlines()[0]
        raise DataError(f"{source}: expected the .npy format, got other bytes ({cause}); use numpy.save") from error
    if dtype.hasobject:
        raise DataError(f"{source}: expected numbers, got Python objects, which are never read; save a numeric array")
    if dtype.kind not in "biufcSUMm" or any(size < 0 for size in shape):
        got = f"{dtype} {format_shape(shape)}"
        raise DataError(f"{source}: expected a plain numeric array, got {got}; save each field as an array")
    size = stream.tell()
    values = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size + values != length:
        raise DataError(
            f"{source}: expected {values} bytes of values for {dtype} {format_shape(shape)}, got {length - size}; "
            "the file is damaged, save it again"
        )
    return Header(dtype, shape, fortran, size)


def map_array(path: Path, header: Header, offset: int) -> LazyArray:
    """Return a lazy array of the values that begin at an offset in a file; each slice is memory-mapped separately."""
    order: Literal["C", "F"] = "F" if header.fortran else "C"

    def read(start: int, stop: int, axis: int | None) -> Array:
        array = np.asarray(np.memmap(path, header.dtype, "r", offset, header.shape, order))
        return slice_samples(array, axis, slice(start, stop))

    return LazyArray(header.dtype, header.shape, read)
