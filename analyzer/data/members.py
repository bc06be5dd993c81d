"""One array inside an .npz file, as rows: mapped where it is stored, streamed where it is compressed.

The .npz format is a zip archive of .npy files. A stored member is mapped at its place inside the archive: its values
follow the local file header (APPNOTE.TXT 4.3.7: 30 bytes, then a name and an extra field whose lengths stand at bytes
26 and 28), which may differ from the entry in the central directory. A compressed member can be read only forwards; if
its samples do not follow one another (another sample axis, or Fortran order) it is unpacked to a temporary file first.
"""

import lzma
import shutil
import struct
import tempfile
import zipfile
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import DataError
from .feeds import Array
from .header import Header, read_header
from .mapped import Mapped
from .rows import Held, Rows

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
