"""Image files in a folder or a zip, laid out as train/CLASS/file and test/CLASS/file."""

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
VALIDATION = ("test", "val")


def load_images(path: Path) -> Split:
    """Load RGB images (sample, channel, row, column) in [0, 1], all of one size.

    Classes are numbered in the sorted order of their folder names. The validation set is `test`, or `val` if there is
    no `test`.

    Args:
        path: the folder or zip that contains train/CLASS/ and test/CLASS/.

    Raises:
        DataError: the layout differs, the images have several sizes, or one cannot be read.
        MissingDependencyError: pillow is not installed.
    """
    files = _files(path)
    parts: dict[str, dict[str, list[str]]] = {}
    for name in sorted(files):
        folders = PurePosixPath(name).parts
        if len(folders) >= 3 and PurePosixPath(name).suffix.lower() in SUFFIXES:
            parts.setdefault(folders[-3], {}).setdefault(folders[-2], []).append(name)
    val = next((part for part in VALIDATION if part in parts), None)
    if "train" not in parts or val is None:
        raise DataError(
            f"{path}: expected images as train/CLASS/file and test/CLASS/file, got {sorted(parts) or 'none'}"
        )
    classes = sorted(parts["train"])
    if sorted(parts[val]) != classes:
        raise DataError(
            f"{path}: expected the classes of train, {classes}, in {val}, got {sorted(parts[val])}; use equal folders"
        )
    pillow = import_optional("PIL.Image", package="pillow", task="reading images")

    def read(name: str) -> NDArray[np.uint8]:
        try:
            with pillow.open(io.BytesIO(files[name]())) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, zipfile.BadZipFile, pillow.DecompressionBombError) as error:
            raise DataError(
                f"{path}: {name}: expected an image, got a file that cannot be read ({error}); replace it"
            ) from error

    def read_part(part: str) -> Labelled:
        rows = [(read(name), number) for number, label in enumerate(classes) for name in parts[part][label]]
        sizes = {image.shape for image, _ in rows}
        if len(sizes) > 1:
            raise DataError(
                f"{path}: expected images of one size, got {sorted(size[:2] for size in sizes)}; resize them"
            )
        x = np.stack([image for image, _ in rows]).transpose(0, 3, 1, 2) / np.float32(255)
        return Labelled(np.ascontiguousarray(x), np.array([number for _, number in rows], np.int64))

    return Split(read_part("train"), read_part(val))


def _files(path: Path) -> dict[str, Callable[[], bytes]]:
    """Return a function that reads each file of a folder or zip, keyed by its relative name."""
    if path.is_dir():
        return {file.relative_to(path).as_posix(): file.read_bytes for file in path.rglob("*") if file.is_file()}
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: expected a folder or a zip file, got {error}; check the path") from error
    return {name: partial(archive.read, name) for name in archive.namelist() if not name.endswith("/")}
