"""The header of an .npy array: its dtype, shape and memory order, checked against the bytes that are there."""

from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format

from ..errors import DataError
from .inputs import described


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
