"""Pieces of a batch: some of its samples, how many, a copy, or all filled up to the size a model is fixed to."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .data import Batch, InputSpec
from .data.feeds import along


def cut(batch: Batch, specs: Sequence[InputSpec], part: slice) -> Batch:
    """Some samples of a batch, as views.

    >>> spec = InputSpec("x", np.dtype("f4"), ("batch",), 0)
    >>> cut(Batch({"x": np.zeros(3, "f4")}, np.arange(3), None), [spec], slice(1, 3)).index.tolist()
    [1, 2]
    """
    if part.start == 0 and part.stop >= len(batch.index):
        return batch
    arrays = {s.name: along(batch.arrays[s.name], s.axis_of(batch.arrays[s.name].ndim), part) for s in specs}
    return Batch(arrays, batch.index[part], None if batch.labels is None else batch.labels[part])


def evenly(count: int, most: int) -> int:
    """How many of `count` samples to run next, at most `most` at once: in as few runs as that allows, all of a size.

    >>> evenly(8, 7), evenly(128, 89), evenly(128, 128), evenly(5, 2), evenly(3, 2)
    (4, 64, 128, 2, 2)
    """
    return ceil(count / ceil(count / most))


def owned(batch: Batch) -> Batch:
    """A copy of a batch, which stays as it is when the data goes on.

    >>> room = np.zeros(2, "f4")
    >>> kept = owned(Batch({"x": room}, np.arange(2), None))
    >>> room[:] = 1
    >>> kept.arrays["x"].tolist()
    [0.0, 0.0]
    """
    arrays = {name: array.copy() for name, array in batch.arrays.items()}
    return Batch(arrays, batch.index, None if batch.labels is None else batch.labels.copy())


def filled(batch: Batch, specs: Sequence[InputSpec], size: int) -> dict[str, NDArray[Any]]:
    """The arrays of a short batch, filled up with its last sample to the size the model is fixed to.

    >>> spec = InputSpec("x", np.dtype("f4"), (4,), 0)
    >>> filled(Batch({"x": np.array([1, 2], "f4")}, np.arange(2), None), [spec], 4)["x"].tolist()
    [1.0, 2.0, 2.0, 2.0]
    """
    missing = size - len(batch.index)
    if missing <= 0:
        return batch.arrays
    result = {}
    for spec in specs:
        array = batch.arrays[spec.name]
        axis = spec.axis_of(array.ndim)
        last = array if axis is None else np.repeat(along(array, axis, slice(-1, None)), missing, axis=axis)
        result[spec.name] = array if axis is None else np.concatenate([array, last], axis=axis)
    return result


def backwards(arrays: Mapping[str, NDArray[Any]], specs: Sequence[InputSpec]) -> dict[str, NDArray[Any]]:
    """The arrays with their samples in the opposite order.

    >>> spec = InputSpec("x", np.dtype("f4"), ("batch",), 0)
    >>> backwards({"x": np.array([1, 2], "f4")}, [spec])["x"].tolist()
    [2.0, 1.0]
    """
    turned = slice(None, None, -1)
    return {
        spec.name: np.ascontiguousarray(along(arrays[spec.name], spec.axis_of(arrays[spec.name].ndim), turned))
        for spec in specs
    }
