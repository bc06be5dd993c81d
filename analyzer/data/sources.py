"""Open any data for a model: one reader for each kind of source, chosen by its type or its first bytes."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError
from .batch import Array, Batch, Samples
from .input_spec import InputSpec, format_names
from .iterables import read_iterable, read_loader
from .numpy_files import load_only_array, open_npy, read_npy, read_npz
from .random_data import RANDOM_PREFIX, read_random
from .validation import check_labels, convert_labels, open_file

LABEL_SUFFIXES = (".npy", ".npz")
EDGE_BYTES = 1 << 20
"""Bytes at the beginning and at the end of a file that identify it."""


def open_data(
    source: Any,
    specs: Sequence[InputSpec],
    *,
    columns: Mapping[str, str] | None = None,
    labels: str | Path | ArrayLike | None = None,
    preprocess: Path | None = None,
    seed: int = 0,
) -> Iterator[Batch]:
    """Batches of any size, checked against the model's inputs; memory does not grow with the data.

    A str or a path is `random:N`, `path/loader.py:func` (which runs that file), a folder of `test_data_set_*`, a folder
    of images, or an .npz, .npy or .parquet file, recognised by its first bytes. Anything else is data from Python: see
    `read_iterable`.

    Args:
        source: the data; a path may be any os.PathLike.
        specs: the model's inputs, in the model's order.
        columns: array or column names the user chose, by input.
        labels: key of the labels in the data; or an .npy or .npz file or an array with one integer for each sample.
        preprocess: JSON file that defines how images become arrays, for an image folder.
        seed: seed of random data.

    Raises:
        DataError: the data does not exist, is empty, cannot be read, or does not fit the inputs.
        MissingDependencyError: the source needs pillow or pyarrow, which is not installed.

    >>> import numpy as np
    >>> spec = InputSpec("x", np.dtype("f4"), ("batch", 2), 0)
    >>> [batch.arrays["x"].shape for batch in open_data("random:3", [spec])]
    [(3, 2)]
    """
    if isinstance(source, os.PathLike):
        source = Path(source)
    key, classes = split_labels(labels)
    name = str(source) if isinstance(source, (str, Path)) else "data"
    samples = _read(source, specs, columns=check_columns(columns, specs), labels=key, preprocess=preprocess, seed=seed)
    return _number_samples(samples, specs, classes, name)


def source_identity(source: Any) -> str:
    """A short text that identifies the data, independent of the path; empty for data that is expensive to identify.

    For a file it is a hash of its size, its first and its last MiB; for random data the source itself. It is empty for
    data from Python, loaders and folders.

    >>> source_identity("random:8"), source_identity([1.0, 2.0])
    ('random:8', '')
    """
    if not isinstance(source, str | os.PathLike):
        return ""
    if str(source).startswith(RANDOM_PREFIX):
        return str(source)
    path = Path(source)
    if not path.is_file():
        return ""
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(EDGE_BYTES)
        file.seek(max(0, size - EDGE_BYTES))
        last = file.read(EDGE_BYTES)
    return hashlib.sha256(str(size).encode() + first + last).hexdigest()[:16]


def split_labels(labels: str | Path | ArrayLike | None) -> tuple[str | None, NDArray[np.int64] | None]:
    """The key of the labels inside the data, or the labels themselves; at most one of the two.

    A str that ends in .npy or .npz is a file, any other str is a key.

    Raises:
        DataError: the file cannot be read, or the labels are not one integer for each sample.

    >>> split_labels("y")
    ('y', None)
    >>> split_labels([3, 1])
    (None, array([3, 1]))
    """
    if labels is None:
        return None, None
    if isinstance(labels, str) and not labels.endswith(LABEL_SUFFIXES):
        return labels, None
    if isinstance(labels, (str, Path)):
        return None, _load_labels(Path(labels))
    return None, convert_labels(np.asarray(labels), "labels")


def _read(
    source: Any,
    specs: Sequence[InputSpec],
    *,
    columns: Mapping[str, str],
    labels: str | None,
    preprocess: Path | None,
    seed: int,
) -> Iterator[Samples]:
    if isinstance(source, (str, Path)) and source != "" and Path(source).is_dir():
        return _read_folder(Path(source).absolute(), specs, columns, labels, preprocess)
    if preprocess is not None:
        got = source if isinstance(source, (str, Path)) else "data"
        raise DataError(f"--preprocess: expected an image folder as the data, got {got}; leave out --preprocess")
    if not isinstance(source, (str, Path)):
        return read_iterable(source, specs, columns=columns, labels=labels, source="data")
    text = str(source)
    if text.startswith(RANDOM_PREFIX):
        return read_random(text, specs, columns=columns, labels=labels, seed=seed)
    if is_loader(text):
        return read_loader(text, specs, columns=columns, labels=labels)
    return _read_file(text, specs, columns, labels)


def check_columns(columns: Mapping[str, str] | None, specs: Sequence[InputSpec]) -> dict[str, str]:
    """The user's choice of columns as a dict, after checking that its keys are inputs of the model.

    Raises:
        DataError: a name is not an input.
    """
    names = [spec.name for spec in specs]
    for name in columns or {}:
        if name not in names:
            raise DataError(f"--input: expected an input of the model ({format_names(names)}), got '{name}'; rename it")
    return dict(columns or {})


def is_loader(text: str) -> bool:
    """Whether the text names a function in a Python file.

    >>> is_loader("data/loader.py:func"), is_loader("data.npz")
    (True, False)
    """
    return text.rpartition(":")[0].endswith(".py")


def _read_folder(
    path: Path, specs: Sequence[InputSpec], columns: Mapping[str, str], labels: str | None, preprocess: Path | None
) -> Iterator[Samples]:
    # imported here, as few users need onnx and json
    from .images import read_images  # noqa: PLC0415
    from .protobuf import is_protobuf_folder, read_protobufs  # noqa: PLC0415

    if preprocess is None and is_protobuf_folder(path):
        return read_protobufs(path, specs, columns=columns, labels=labels)
    return read_images(path, specs, columns=columns, labels=labels, preprocess=preprocess)


def _read_file(
    text: str, specs: Sequence[InputSpec], columns: Mapping[str, str], labels: str | None
) -> Iterator[Samples]:
    path = Path(text)
    if not path.is_file():
        raise DataError(f"expected a file, a folder, random:N or loader.py:func as data, got '{text}'; check the path")
    if path.suffix == ".py":
        raise DataError(f"{path.name}: expected data, got Python code; name the function: {path}:FUNC")
    with open_file(path, source=path.name) as file:
        start = file.read(6)
    if start == b"":
        raise DataError(f"{path.name}: expected data, got an empty file; write it again")
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return read_npz(path, specs, columns=columns, labels=labels)
    if start == b"\x93NUMPY":
        return read_npy(path, specs, columns=columns, labels=labels)
    if start.startswith(b"PAR1"):
        from .parquet import read_parquet  # noqa: PLC0415

        return read_parquet(path, specs, columns=columns, labels=labels)
    raise DataError(
        f"{path.name}: expected an .npz, .npy or .parquet file, got one that begins with {start!r}; convert it"
    )


def _number_samples(
    samples: Iterable[Samples], specs: Sequence[InputSpec], classes: NDArray[np.int64] | None, name: str
) -> Iterator[Batch]:
    """The samples as numbered batches; classes replace the labels of the samples."""
    number, labelled = 0, False
    for arrays, labels in samples:
        stop = number + count_samples(arrays, specs)
        if classes is not None and stop > len(classes):
            raise DataError(
                f"labels: expected one for each sample, got {len(classes)} for at least {stop} samples; "
                "give as many labels as samples"
            )
        if classes is None and number and labelled != (labels is not None):
            change = "stop" if labelled else "begin"
            raise DataError(
                f"{name}: expected labels for all samples or for none, got labels that {change} at sample {number}; "
                "add or remove labels"
            )
        labelled = labels is not None
        index = np.arange(number, stop, dtype=np.int64)
        yield Batch(arrays, index, labels if classes is None else classes[number:stop])
        number = stop
    if classes is not None and number != len(classes):
        raise DataError(
            f"labels: expected one for each sample, got {len(classes)} for {number} samples; "
            "give as many labels as samples"
        )
    if not number:
        raise DataError(f"{name}: expected at least one sample, got none; check the data")


def count_samples(arrays: Mapping[str, Array], specs: Sequence[InputSpec]) -> int:
    """Number of samples in arrays that fit the inputs; 1 if all inputs are shared.

    >>> spec = InputSpec("state", np.dtype("f4"), (2, "batch"), 1)
    >>> count_samples({"state": np.zeros((2, 5), "f4")}, [spec])
    5
    """
    for spec in specs:
        array = arrays[spec.name]
        axis = spec.axis_of(array.ndim)
        if axis is not None:
            return int(array.shape[axis])
    return 1


def _load_labels(path: Path) -> NDArray[np.int64]:
    if not path.is_file():
        raise DataError(f"labels: expected an .npy or .npz file, got no such file: {path}; check the path")
    array = open_npy(path) if path.suffix == ".npy" else load_only_array(path)
    check_labels(array.dtype, array.shape, path.name)
    return convert_labels(array.read(0, array.shape[0], 0), path.name)
