"""NumPy's files: .npy, one array that is memory-mapped slice by slice, and .npz, one array for each input, by name.

Members of an .npz that are stored uncompressed are mapped too, compressed ones are streamed.
"""

import lzma
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy_format

from ..errors import DataError
from .batch import Array, Samples, slice_samples
from .input_spec import InputSpec, format_shape, match_keys, require_one_input
from .lazy_array import LazyArray
from .validation import conform, open_file

ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    struct.error,
)


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


def read_npz(
    path: Path, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None
) -> Iterator[Samples]:
    """Samples of the arrays whose keys are the input names, or that `columns` names; the others are not read.

    Args:
        path: the file.
        specs: the model's inputs; a single input reads a single array whatever its key.
        columns: keys the user chose, by input.
        labels: key of the labels in the same file.

    Raises:
        DataError: the file is damaged, an array is missing, holds objects, or does not fit its input.
    """
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            keys = match_keys(members, specs, columns=columns, labels=labels, source=path.name)
            arrays = {
                spec.name: open_member(archive, members[keys[spec.name]], path, axis=spec.sample_axis, stack=stack)
                for spec in specs
            }
            classes = None if labels is None else open_member(archive, members[labels], path, axis=0, stack=stack)
            yield from conform(arrays, specs, source=path.name, labels=classes)
        except ARCHIVE_ERRORS as error:
            raise _damaged(path, error) from error


def load_only_array(path: Path) -> LazyArray:
    """The only array of an .npz file, read whole.

    Raises:
        DataError: the file is damaged, or does not contain exactly one array.
    """
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
            members = archive.infolist()
            if len(members) != 1:
                raise DataError(f"{path.name}: expected one array, got {len(members)}; save the labels alone")
            return open_member(archive, members[0], path, axis=None, stack=stack)
        except ARCHIVE_ERRORS as error:
            raise _damaged(path, error) from error


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


def open_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, *, axis: int | None, stack: ExitStack
) -> LazyArray:
    """One member of an archive.

    Args:
        archive: the open archive.
        info: its entry for the member.
        path: the archive's file.
        axis: the axis of later slices; None if the array will be read whole.
        stack: closes what stays open.

    Raises:
        DataError: the member is encrypted, not an .npy array, or holds Python objects.
    """
    source = f"{path.name}[{info.filename.removesuffix('.npy')}]"
    if info.flag_bits & 0x1:
        raise DataError(f"{source}: expected a readable member, got an encrypted one; save it without a password")
    stream = stack.enter_context(archive.open(info))
    header = read_header(stream, length=info.file_size, source=source)
    streamed = _stream_array(stream, header, source)
    if axis is None or not header.shape:
        whole = streamed.read(0, 0, None)
        return LazyArray.of(whole.ravel().reshape(header.shape, order="F") if header.fortran else whole)
    if info.compress_type == zipfile.ZIP_STORED:
        return map_array(path, header, _find_start(path, info) + header.size)
    if axis == 0 and not header.fortran:
        return streamed
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="relucid-", ignore_cleanup_errors=True))
    unpacked = Path(folder) / "array"
    with unpacked.open("wb") as target:
        shutil.copyfileobj(stream, target, 1 << 20)
    return map_array(unpacked, header, 0)


def _stream_array(stream: IO[bytes], header: Header, source: str) -> LazyArray:
    """An array in C order whose values follow in a stream, read forwards along axis 0."""

    def read(start: int, stop: int, axis: int | None) -> Array:
        shape = header.shape if axis is None else (stop - start, *header.shape[1:])
        size = int(np.prod(shape, dtype=object)) * header.dtype.itemsize
        values = stream.read(size)
        if len(values) != size:
            raise DataError(
                f"{source}: expected {size} bytes of values, got {len(values)}; the file is damaged, save it again"
            )
        return np.frombuffer(values, header.dtype).reshape(shape)

    return LazyArray(header.dtype, header.shape, read)


def _find_start(path: Path, info: zipfile.ZipInfo) -> int:
    """Offset of the first byte of a stored member."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        name, extra = struct.unpack("<26x2H", file.read(30))
    return int(info.header_offset) + 30 + int(name) + int(extra)


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path.name}: expected an .npz file, got a damaged or other file ({error}); save it again")
