"""Images in a folder or a zip, as train/CLASS/file and test/CLASS/file."""

import io
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ...analyzer.errors import DataError, import_optional
from .labelled import Labelled, Split

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
JUDGED = ("test", "val")


def images(path: Path) -> Split:
    """Images (sample, channel, row, column) in [0, 1], red, green and blue, all of one size.

    Classes are numbered in the order of their folders' names. The part to judge by is `test`, or `val` where there is
    no `test`.

    Args:
        path: the folder or the zip that holds train/CLASS/ and test/CLASS/.

    Raises:
        DataError: nothing of the kind is there, images of several sizes, or one that cannot be read.
        MissingDependencyError: pillow is not installed.
    """
    files = _files(path)
    parts: dict[str, dict[str, list[str]]] = {}
    for name in sorted(files):
        steps = PurePosixPath(name).parts
        if len(steps) >= 3 and PurePosixPath(name).suffix.lower() in SUFFIXES:
            parts.setdefault(steps[-3], {}).setdefault(steps[-2], []).append(name)
    judged = next((part for part in JUDGED if part in parts), None)
    if "train" not in parts or judged is None:
        raise DataError(
            f"{path}: wanted images as train/CLASS/file and test/CLASS/file; came {sorted(parts) or 'none'}"
        )
    classes = sorted(parts["train"])
    if sorted(parts[judged]) != classes:
        raise DataError(
            f"{path}: train has the classes {classes}, {judged} has {sorted(parts[judged])}; they must agree"
        )
    pillow = import_optional("PIL.Image", package="pillow", task="reading images")

    def read(name: str) -> NDArray[np.uint8]:
        try:
            with pillow.open(io.BytesIO(files[name]())) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, zipfile.BadZipFile, pillow.DecompressionBombError) as error:
            raise DataError(f"{path}: {name} cannot be read as an image ({error})") from error

    def labelled(part: str) -> Labelled:
        rows = [(read(name), place) for place, kind in enumerate(classes) for name in parts[part][kind]]
        sizes = {image.shape for image, _ in rows}
        if len(sizes) > 1:
            raise DataError(f"{path}: images must be of one size; came {sorted(size[:2] for size in sizes)}")
        x = np.stack([image for image, _ in rows]).transpose(0, 3, 1, 2) / np.float32(255)
        return Labelled(np.ascontiguousarray(x), np.array([place for _, place in rows], np.int64))

    return Split(labelled("train"), labelled(judged))


def _files(path: Path) -> dict[str, Callable[[], bytes]]:
    """What reads each file of a folder or a zip, by its name inside."""
    if path.is_dir():
        return {file.relative_to(path).as_posix(): file.read_bytes for file in path.rglob("*") if file.is_file()}
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: neither a folder nor a zip ({error})") from error
    return {name: partial(archive.read, name) for name in archive.namelist() if not name.endswith("/")}
