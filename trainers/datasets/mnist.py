"""MNIST and data sets in its format, from two npz files, Keras' mnist.npz or the four official idx files."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...analyzer.errors import DataError
from .labelled import Labelled, Split

IDX = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
KEYS = (("images", "labels"), ("x", "y"))
_UINT8 = 8  # idx code of the element type of MNIST


def load_mnist(path: Path) -> Split:
    """Load images (sample, 1, row, column) in [0, 1]: 60,000 for training, the 10,000 test images for validation.

    Args:
        path: Keras' mnist.npz (x_train, y_train, x_test, y_test), or a folder with mnist_train.npz and mnist_test.npz
            (images, labels) or with the four idx files, gzipped or not.

    Raises:
        DataError: none of these files exists, or a file cannot be read.
    """
    if path.is_file():
        arrays = _read_npz(path)
        return Split(*(_select(arrays, ((f"x_{part}", f"y_{part}"),), path) for part in ("train", "test")))
    npz = [path / f"mnist_{part}.npz" for part in ("train", "test")]
    if all(file.exists() for file in npz):
        return Split(*(_select(_read_npz(file), KEYS, file) for file in npz))
    idx = [file for names in IDX.values() for name in names if (file := _find_idx(path / name)) is not None]
    if len(idx) == 4:
        train_images, train_labels, test_images, test_labels = map(read_idx, idx)
        return Split(_scale(train_images, train_labels, path), _scale(test_images, test_labels, path))
    raise DataError(
        f"{path}: expected mnist_train.npz and mnist_test.npz, or the four idx files "
        f"({', '.join(name for names in IDX.values() for name in names)}, or with .gz), or Keras' mnist.npz itself, "
        "got none of them; check the path"
    )


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes, gzipped if its name ends in .gz.

    Raises:
        DataError: the file has another format, or its length differs from its header.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); download it again") from error
    if len(data) < 4 or data[:3] != bytes([0, 0, _UINT8]):
        raise DataError(
            f"{path}: expected an idx file, which starts with 00 00 08, got {data[:3].hex(' ')}; download it again"
        )
    axes = data[3]
    start = 4 + 4 * axes
    shape = struct.unpack(f">{axes}I", data[4:start]) if len(data) >= start else ()
    expected = int(np.prod(shape, dtype=object))
    if len(data) < start or len(data) - start != expected:
        raise DataError(
            f"{path}: expected {expected} entries {shape}, got {max(len(data) - start, 0)}; download the file again"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _read_npz(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: expected an npz file, got {error}; download it again") from error


def _select(arrays: dict[str, NDArray[np.generic]], keys: tuple[tuple[str, str], ...], path: Path) -> Labelled:
    for images, labels in keys:
        if images in arrays and labels in arrays:
            return _scale(arrays[images], arrays[labels], path)
    names = " or ".join(" and ".join(pair) for pair in keys)
    raise DataError(f"{path}: expected the arrays {names}, got {', '.join(arrays) or 'none'}; download it again")


def _scale(images: NDArray[np.generic], labels: NDArray[np.generic], path: Path) -> Labelled:
    if images.ndim != 3 or images.dtype != np.uint8:
        raise DataError(f"{path}: expected images (sample, row, column) of uint8, got {images.dtype} {images.shape}")
    return Labelled(images[:, None].astype(np.float32) / np.float32(255), labels.astype(np.int64).reshape(-1))


def _find_idx(path: Path) -> Path | None:
    return next((file for file in (path, path.with_name(f"{path.name}.gz")) if file.exists()), None)
