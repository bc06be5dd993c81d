"""An .npz file: one array for each input, by name; stored members are mapped, compressed ones streamed in slices."""

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
from typing import IO, Any

import numpy as np

from ..errors import DataError
from .batch import Array, Feed
from .input_spec import InputSpec, keys_of
from .npy import Header, Mapped, read_header
from .rows import Held, Rows
from .validation import conform

BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, OSError, struct.error)


@dataclass(frozen=True)
class Streamed:
    """Rows of a compressed member, read forwards.

    Args:
        stream: the member, behind its header; every read moves it on.
        header: dtype and shape of the array, in C order.
        source: what messages call the array.
    """

    stream: IO[bytes]
    header: Header
    source: str

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values as stored."""
        return self.header.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole array."""
        return self.header.shape

    def take(self, start: int, stop: int, /, *, axis: int | None) -> Array:
        """The next stop - start samples, or the whole array if the axis is None."""
        shape = self.shape if axis is None else (stop - start, *self.shape[1:])
        size = int(np.prod(shape, dtype=object)) * self.dtype.itemsize
        values = self.stream.read(size)
        if len(values) != size:
            raise DataError(f"{self.source}: damaged: {size} bytes of values wanted, came {len(values)}")
        return np.frombuffer(values, self.dtype).reshape(shape)


def open_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, *, axis: int | None, stack: ExitStack
) -> Rows:
    """Rows of one member of an archive.

    Args:
        archive: the open archive.
        info: its entry for the member.
        path: the archive's file.
        axis: the axis along which slices will be taken; None if the array will be taken whole.
        stack: closes what stays open.

    Raises:
        DataError: the member is encrypted, not an .npy array, or holds Python objects.
    """
    source = f"{path.name}[{info.filename.removesuffix('.npy')}]"
    if info.flag_bits & 0x1:
        raise DataError(f"{source}: is encrypted; save it without a password")
    stream = stack.enter_context(archive.open(info))
    header = read_header(stream, length=info.file_size, source=source)
    streamed = Streamed(stream, header, source)
    if axis is None or not header.shape:
        whole = streamed.take(0, 0, axis=None)
        return Held(whole.ravel().reshape(header.shape, order="F") if header.fortran else whole)
    if info.compress_type == zipfile.ZIP_STORED:
        return Mapped(path, header, _start(path, info) + header.size)
    if axis == 0 and not header.fortran:
        return streamed
    unpacked = (
        Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relucid-", ignore_cleanup_errors=True))) / "array"
    )
    with unpacked.open("wb") as target:
        shutil.copyfileobj(stream, target, 1 << 20)
    return Mapped(unpacked, header, 0)


def _start(path: Path, info: zipfile.ZipInfo) -> int:
    with path.open("rb") as file:
        file.seek(info.header_offset)
        name, extra = struct.unpack("<26x2H", file.read(30))
    return int(info.header_offset) + 30 + int(name) + int(extra)


def read_npz(
    path: Path, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None
) -> Iterator[Feed]:
    """Feeds of the arrays whose keys are the input names, or that `columns` names; the others are not touched.

    Args:
        path: the file.
        specs: the model's inputs; a lone input takes a lone array whatever its key.
        columns: keys the user chose, by input.
        labels: key of the labels in the same file.

    Raises:
        DataError: the file is damaged, an array is missing, holds objects, or does not fit its input.
    """
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            keys = keys_of(members, specs, columns=columns, labels=labels, source=path.name)
            axes = {spec.name: spec.sample_axis for spec in specs}

            def opened(key: str, axis: int | None) -> Rows:
                return open_member(archive, members[key], path, axis=axis, stack=stack)

            rows = {name: opened(key, axes[name]) for name, key in keys.items()}
            classes = None if labels is None else opened(labels, 0)
            yield from conform(rows, specs, source=path.name, labels=classes)
        except BROKEN as error:
            raise DataError(f"{path.name}: damaged or not an .npz file ({error})") from error


def read_only_array(path: Path) -> Rows:
    """The one array of an .npz file, whole.

    Raises:
        DataError: the file is damaged or holds another number of arrays.
    """
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
            members = archive.infolist()
            if len(members) != 1:
                raise DataError(f"{path.name}: wants one array, came {len(members)}")
            return open_member(archive, members[0], path, axis=None, stack=stack)
        except BROKEN as error:
            raise DataError(f"{path.name}: damaged or not an .npz file ({error})") from error
