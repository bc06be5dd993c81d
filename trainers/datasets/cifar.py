"""CIFAR-10 and CIFAR-100 from the official binary files, or as images in a folder or a zip."""

from pathlib import Path

import numpy as np

from ...analyzer.errors import DataError
from .images import images
from .labelled import Labelled, Split

PIXELS = 3 * 32 * 32
KINDS = {
    "CIFAR-10": (1, tuple(f"data_batch_{number}.bin" for number in range(1, 6)), ("test_batch.bin",)),
    "CIFAR-100": (2, ("train.bin",), ("test.bin",)),
}
"""Bytes of labels before each image (the last is the class), files to train on, files to judge by."""


def cifar(path: Path) -> Split:
    """Images (sample, 3, 32, 32) in [0, 1]: the official training part, the official test part to judge by.

    Args:
        path: a folder with the files of the "binary version" (data_batch_1.bin ... test_batch.bin; for CIFAR-100
            train.bin and test.bin), or a folder or zip of images as train/CLASS/file and test/CLASS/file.

    Raises:
        DataError: nothing of the kind is there, or a file cannot be read.
        MissingDependencyError: there are images, and pillow is not installed.
    """
    for labels, train, val in KINDS.values():
        if (path / train[0]).exists():
            return Split(_binary(path, train, labels), _binary(path, val, labels))
    return images(path)


def cifar_in(folder: Path) -> Path:
    """Where CIFAR is: the folder itself, or the one zip in it whose name starts with cifar."""
    zips = sorted(folder.glob("cifar*.zip")) if folder.is_dir() else []
    if len(zips) > 1:
        raise DataError(f"{folder}: several zips are called cifar; give --data a folder with one of them")
    return zips[0] if zips else folder


def standardized(split: Split) -> Split:
    """Both parts less the training part's mean of each channel, divided by its standard deviation.

    >>> x = np.arange(8, dtype=np.float32).reshape(2, 1, 2, 2)
    >>> part = Labelled(x, np.zeros(2, np.int64))
    >>> float(standardized(Split(part, part)).val.x.std())
    1.0
    """
    mean = split.train.x.mean((0, 2, 3), keepdims=True, dtype=np.float64).astype(np.float32)
    deviation = split.train.x.std((0, 2, 3), keepdims=True, dtype=np.float64).astype(np.float32)
    return Split(*(Labelled((part.x - mean) / deviation, part.y) for part in (split.train, split.val)))


def _binary(folder: Path, names: tuple[str, ...], labels: int) -> Labelled:
    rows = []
    for name in names:
        try:
            data = np.fromfile(folder / name, np.uint8)
        except OSError as error:
            raise DataError(
                f"{folder / name}: cannot be read ({error.strerror}); all of {', '.join(names)} are needed"
            ) from error
        if len(data) == 0 or len(data) % (labels + PIXELS):
            raise DataError(
                f"{folder / name}: {len(data)} bytes are no whole number of rows of {labels + PIXELS}; fetch it again"
            )
        rows.append(data.reshape(-1, labels + PIXELS))
    table = np.concatenate(rows)
    x = table[:, labels:].reshape(-1, 3, 32, 32).astype(np.float32)
    return Labelled(x / np.float32(255), table[:, labels - 1].astype(np.int64))
