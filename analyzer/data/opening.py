"""Open any data for a model: one reader for each kind, chosen by what the data is."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from ..errors import DataError
from .feeds import Feed, sample_count
from .file import open_file
from .inputs import InputSpec
from .iterables import read_iterable
from .labels import attach, split_labels
from .loader import is_loader, read_loader
from .naming import check_columns
from .npy import read_npy
from .npz import read_npz
from .seeded import PREFIX, read_random


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
