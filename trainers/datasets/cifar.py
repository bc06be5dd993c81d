"""CIFAR-10 and CIFAR-100, from the official binary files or from image files in a folder or zip."""

from pathlib import Path

import numpy as np

from ...analyzer.errors import DataError
from .images import load_images
from .labelled import Labelled, Split

PIXELS = 3 * 32 * 32
KINDS = {
    "CIFAR-10": (1, tuple(f"data_batch_{number}.bin" for number in range(1, 6)), ("test_batch.bin",)),
    "CIFAR-100": (2, ("train.bin",), ("test.bin",)),
}
"""Label bytes before each image (the last one is the class), training files, validation files."""


def load_cifar(path: Path) -> Split:
    """Load images (sample, 3, 32, 32) in [0, 1]: the official training set, and the test set for validation.

    Args:
        path: a folder with the files of the "binary version" (data_batch_1.bin ... test_batch.bin; for CIFAR-100
            train.bin and test.bin), or a folder or zip of images as train/CLASS/file and test/CLASS/file.

    Raises:
        DataError: none of these files exists, or a file cannot be read.
        MissingDependencyError: the data are image files, and pillow is not installed.
    """
    for labels, train, val in KINDS.values():
        if (path / train[0]).exists():
            return Split(_read_binary(path, train, labels), _read_binary(path, val, labels))
    return load_images(path)


def find_cifar(folder: Path) -> Path:
    """Return the path of CIFAR: the one zip in the folder whose name starts with cifar, else the folder itself.

    Raises:
        DataError: there are several such zips.
    """
    zips = sorted(folder.glob("cifar*.zip")) if folder.is_dir() else []
    if len(zips) > 1:
        raise DataError(f"{folder}: expected one cifar*.zip, got {len(zips)}; pass --data a folder with one of them")
    return zips[0] if zips else folder


def standardize(split: Split) -> Split:
    """Subtract each channel's mean over the training set and divide by its standard deviation, in both parts.

    >>> x = np.arange(8, dtype=np.float32).reshape(2, 1, 2, 2)
    >>> part = Labelled(x, np.zeros(2, np.int64))
    >>> float(standardize(Split(part, part)).val.x.std())
    1.0
    """
    mean = split.train.x.mean((0, 2, 3), keepdims=True, dtype=np.float64).astype(np.float32)
    deviation = split.train.x.std((0, 2, 3), keepdims=True, dtype=np.float64).astype(np.float32)
    return Split(*(Labelled((part.x - mean) / deviation, part.y) for part in (split.train, split.val)))


def _read_binary(folder: Path, names: tuple[str, ...], labels: int) -> Labelled:
    rows = []
    for name in names:
        try:
            data = np.fromfile(folder / name, np.uint8)
        except OSError as error:
            raise DataError(
                f"{folder}: expected the files {', '.join(names)}, got {error.strerror} for {name}; check the folder"
            ) from error
        if len(data) == 0 or len(data) % (labels + PIXELS):
            raise DataError(
                f"{folder / name}: expected a multiple of {labels + PIXELS} bytes, got {len(data)}; download it again"
            )
        rows.append(data.reshape(-1, labels + PIXELS))
    table = np.concatenate(rows)
    x = table[:, labels:].reshape(-1, 3, 32, 32).astype(np.float32)
    return Labelled(x / np.float32(255), table[:, labels - 1].astype(np.int64))
