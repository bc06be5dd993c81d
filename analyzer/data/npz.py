"""An .npz file: one array for each input, by name; stored members are mapped, compressed ones streamed."""

import lzma
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import DataError
from .batch import Array, Samples
from .input_spec import InputSpec, match_keys
from .lazy_array import LazyArray
from .npy import Header, map_array, read_header
from .validation import conform

ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    struct.error,
)


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
