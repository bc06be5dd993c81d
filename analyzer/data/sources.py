"""Open any data for a model: one reader for each kind, chosen by what the data is."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError
from .batch import Feed, sample_count
from .input_spec import InputSpec, check_columns
from .iterables import is_loader, read_iterable, read_loader
from .npy import map_npy, read_npy
from .npz import read_npz, read_only_array
from .random_data import PREFIX, read_random
from .validation import check_labels, labels_of, open_file


def open_data(
    source: Any,
    specs: Sequence[InputSpec],
    *,
    columns: Mapping[str, str] | None = None,
    labels: str | Path | ArrayLike | None = None,
    preprocess: Path | None = None,
    seed: int = 0,
) -> Iterator[Feed]:
    """Feeds of the data, checked against the model's inputs; memory does not grow with the data.

    A text or a path is `random:N`, `path/loader.py:func` (which runs that file), a folder of `test_data_set_*`, a
    folder of images, or a file whose first bytes say .npz, .npy or .parquet. Anything else is data from Python:
    see `read_iterable`.

    Args:
        source: the data; a path may be any os.PathLike.
        specs: the model's inputs, in the model's order.
        columns: array or column names the user chose, by input.
        labels: key of the labels in the data; or an .npy or .npz file or an array with one integer for each sample.
        preprocess: how images become arrays, for an image folder.
        seed: of random data.

    Raises:
        DataError: the data is not there, is empty, cannot be read, or does not fit the inputs.
        MissingDependencyError: pillow or pyarrow is wanted and not installed.

    >>> import numpy as np
    >>> spec = InputSpec("x", np.dtype("f4"), ("batch", 2), 0)
    >>> [feed.arrays["x"].shape for feed in open_data("random:3", [spec])]
    [(3, 2)]
    """
    if isinstance(source, os.PathLike):
        source = Path(source)
    key, classes = split_labels(labels)
    name = str(source) if isinstance(source, (str, Path)) else "data"
    chosen = check_columns(columns, specs)
    feeds = _feeds(source, specs, columns=chosen, labels=key, preprocess=preprocess, seed=seed)
    return _checked(feeds if classes is None else attach(feeds, classes, specs), specs, name)


def _feeds(
    source: Any,
    specs: Sequence[InputSpec],
    *,
    columns: Mapping[str, str],
    labels: str | None,
    preprocess: Path | None,
    seed: int,
) -> Iterator[Feed]:
    if isinstance(source, (str, Path)) and source != "" and Path(source).is_dir():
        return _folder(Path(source).absolute(), specs, columns, labels, preprocess)
    if preprocess is not None:
        raise DataError(
            f"--preprocess is for image folders, came {source if isinstance(source, (str, Path)) else 'data'}"
        )
    if not isinstance(source, (str, Path)):
        return read_iterable(source, specs, columns=columns, labels=labels, source="data")
    text = str(source)
    if text.startswith(PREFIX):
        return read_random(text, specs, columns=columns, labels=labels, seed=seed)
    if is_loader(text):
        return read_loader(text, specs, columns=columns, labels=labels)
    return _file(Path(source), specs, columns, labels)


def _folder(
    path: Path, specs: Sequence[InputSpec], columns: Mapping[str, str], labels: str | None, preprocess: Path | None
) -> Iterator[Feed]:
    # imported here, as onnx and json are wanted by few
    from .images import read_images  # noqa: PLC0415
    from .protobuf import is_protobuf_folder, read_protobufs  # noqa: PLC0415

    if preprocess is None and is_protobuf_folder(path):
        return read_protobufs(path, specs, columns=columns, labels=labels)
    return read_images(path, specs, columns=columns, labels=labels, preprocess=preprocess)


def _file(path: Path, specs: Sequence[InputSpec], columns: Mapping[str, str], labels: str | None) -> Iterator[Feed]:
    if not path.is_file():
        raise DataError(f"no such data: '{path}' (a file, a folder, random:N or loader.py:func is wanted)")
    if path.suffix == ".py":
        raise DataError(f"{path.name}: holds code, not data; name the function: {path}:FUNC")
    with open_file(path, source=path.name) as file:
        start = file.read(6)
    if start == b"":
        raise DataError(f"{path.name}: is an empty file")
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return read_npz(path, specs, columns=columns, labels=labels)
    if start == b"\x93NUMPY":
        return read_npy(path, specs, columns=columns, labels=labels)
    if start.startswith(b"PAR1"):
        from .parquet import read_parquet  # noqa: PLC0415

        return read_parquet(path, specs, columns=columns, labels=labels)
    raise DataError(f"{path.name}: wants an .npz, .npy or .parquet file, came one that begins with {start!r}")


def _checked(feeds: Iterable[Feed], specs: Sequence[InputSpec], name: str) -> Iterator[Feed]:
    """The same feeds, once there are some, and all or none of them have labels."""
    number, labelled = 0, False
    for feed in feeds:
        if number and labelled != (feed.labels is not None):
            have = "stop" if labelled else "begin"
            raise DataError(f"{name}: all samples or none want labels, but labels {have} at sample {number}")
        labelled = feed.labels is not None
        number += sample_count(feed.arrays, specs)
        yield feed
    if not number:
        raise DataError(f"{name}: holds no samples")


SUFFIXES = (".npy", ".npz")


def split_labels(labels: str | Path | ArrayLike | None) -> tuple[str | None, NDArray[np.int64] | None]:
    """The key of the labels inside the data, or the labels themselves; at most one of the two.

    A text that ends in .npy or .npz is a file, any other text is a key.

    Raises:
        DataError: the file cannot be read, or the labels are not one integer for each sample.

    >>> split_labels("y")
    ('y', None)
    >>> split_labels([3, 1])
    (None, array([3, 1]))
    """
    if labels is None:
        return None, None
    if isinstance(labels, str) and not labels.endswith(SUFFIXES):
        return labels, None
    if isinstance(labels, (str, Path)):
        return None, _from_file(Path(labels))
    return None, labels_of(np.asarray(labels), "labels")


def attach(feeds: Iterable[Feed], labels: NDArray[np.int64], specs: Sequence[InputSpec]) -> Iterator[Feed]:
    """The feeds with the labels of their samples.

    Raises:
        DataError: the labels are more or fewer than the samples.
    """
    start = 0
    for feed in feeds:
        stop = start + sample_count(feed.arrays, specs)
        if stop > len(labels):
            raise DataError(f"labels: one for each sample wanted, came {len(labels)} for at least {stop} samples")
        yield Feed(feed.arrays, labels[start:stop])
        start = stop
    if start != len(labels):
        raise DataError(f"labels: one for each sample wanted, came {len(labels)} for {start} samples")


def _from_file(path: Path) -> NDArray[np.int64]:
    if not path.is_file():
        raise DataError(f"labels: no such file: {path}")
    rows = map_npy(path) if path.suffix == ".npy" else read_only_array(path)
    check_labels(rows.dtype, rows.shape, path.name)
    return labels_of(rows.take(0, rows.shape[0], axis=0), path.name)


_EDGE = 1 << 20


def source_identity(source: Any) -> str:
    """A short text that is the same for the same data, wherever it lies; empty where nothing can be said cheaply.

    Of a file: its size, its first and its last MiB. Of random data: what was asked for. Of data from Python, of loaders
    and of folders: nothing.

    >>> source_identity("random:8"), source_identity([1.0, 2.0])
    ('random:8', '')
    """
    if not isinstance(source, str | os.PathLike):
        return ""
    if str(source).startswith(PREFIX):
        return str(source)
    path = Path(source)
    if not path.is_file():
        return ""
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(_EDGE)
        file.seek(max(0, size - _EDGE))
        last = file.read(_EDGE)
    return hashlib.sha256(str(size).encode() + first + last).hexdigest()[:16]
