"""Labels that come apart from the data: from a file or an array, one integer for each sample in the data's order."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError
from .conform import check_labels, labels_of
from .feeds import Feed, sample_count
from .inputs import InputSpec
from .npy import map_npy
from .npz import read_only_array

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
