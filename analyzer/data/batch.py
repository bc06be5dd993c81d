"""Batches: numbered samples to run at once. Split, join, copy, pad and reverse them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from .input_spec import InputSpec

Array = NDArray[Any]
Samples = tuple[dict[str, Array], NDArray[np.int64] | None]
"""What a reader yields: consecutive samples as one array per input, by name, and their labels (sample,) or None."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples to run at once.

    Args:
        arrays: one array per input, by name, in the input's dtype and shape; valid until the next batch is requested.
        index: number of each sample in the whole data (sample,).
        labels: class of each sample (sample,), or None.
    """

    arrays: dict[str, Array]
    index: NDArray[np.int64]
    labels: NDArray[np.int64] | None


def rebatch(
    batches: Iterable[Batch],
    specs: Sequence[InputSpec],
    *,
    batch: int,
    limit: int | None = None,
    shard: tuple[int, int] | None = None,
) -> Iterator[Batch]:
    """Join and split batches of any size into batches of exactly `batch` samples, the last one shorter.

    A batch ends early if the next samples have another shape (sequences of another length) or another value of a
    shared input. At most one batch is copied at a time, and the memory of an incoming batch may be reused once the next
    one is requested.

    Args:
        batches: consecutive samples, as `open_data` returns them.
        specs: the model's inputs.
        batch: samples in a batch; 1 for a model without a sample axis.
        limit: read at most this many samples.
        shard: (i, n) keeps the samples whose number is i modulo n.

    Returns:
        Batches whose arrays are contiguous and aligned.

    Raises:
        OptionError: batch or limit below 1, or a shard outside 0 <= i < n.

    >>> spec = InputSpec("x", np.dtype("f4"), ("batch",), 0)
    >>> five = Batch({"x": np.zeros(5, "f4")}, np.arange(5), None)
    >>> four = Batch({"x": np.zeros(4, "f4")}, np.arange(5, 9), None)
    >>> [each.index.tolist() for each in rebatch([five, four], [spec], batch=4)]
    [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    """
    if batch < 1:
        raise OptionError(f"batch: expected at least 1 sample, got {batch}")
    if limit is not None and limit < 1:
        raise OptionError(f"limit: expected at least 1 sample, got {limit}")
    if shard is not None and not 0 <= shard[0] < shard[1]:
        raise OptionError(f"shard: expected I/N with 0 <= I < N, got {shard[0]}/{shard[1]}")
    return _rebatch(batches, specs, batch if any(spec.sample_axis is not None for spec in specs) else 1, limit, shard)


def slice_samples(array: Array, axis: int | None, part: slice) -> Array:
    """The samples `part` of an array, as a view; a shared array (axis None) is returned unchanged.

    >>> slice_samples(np.arange(6).reshape(2, 3), 1, slice(0, 2)).tolist()
    [[0, 1], [3, 4]]
    """
    return array if axis is None else array[(slice(None),) * axis + (part,)]


def slice_batch(batch: Batch, specs: Sequence[InputSpec], part: slice) -> Batch:
    """The samples `part` of a batch, as views.

    >>> spec = InputSpec("x", np.dtype("f4"), ("batch",), 0)
    >>> slice_batch(Batch({"x": np.zeros(3, "f4")}, np.arange(3), None), [spec], slice(1, 3)).index.tolist()
    [1, 2]
    """
    if part.start == 0 and part.stop >= len(batch.index) and part.step in {None, 1}:
        return batch
    arrays = {s.name: slice_samples(batch.arrays[s.name], s.axis_of(batch.arrays[s.name].ndim), part) for s in specs}
    return Batch(arrays, batch.index[part], None if batch.labels is None else batch.labels[part])


def copy_batch(batch: Batch, *, shared: Mapping[str, Array] | None = None) -> Batch:
    """A batch whose arrays and labels are copies, so that it outlives the next one.

    Args:
        batch: the samples.
        shared: arrays of shared inputs that are copied already and are used instead.

    >>> buffer = np.zeros(2, "f4")
    >>> kept = copy_batch(Batch({"x": buffer}, np.arange(2), None))
    >>> buffer[:] = 1
    >>> kept.arrays["x"].tolist()
    [0.0, 0.0]
    """
    arrays = {name: shared[name] if shared and name in shared else a.copy() for name, a in batch.arrays.items()}
    return Batch(arrays, batch.index, None if batch.labels is None else batch.labels.copy())


def pad_batch(batch: Batch, specs: Sequence[InputSpec], size: int) -> dict[str, Array]:
    """The arrays of a short batch, padded with its last sample to the batch size the model is fixed to.

    >>> spec = InputSpec("x", np.dtype("f4"), (4,), 0)
    >>> pad_batch(Batch({"x": np.array([1, 2], "f4")}, np.arange(2), None), [spec], 4)["x"].tolist()
    [1.0, 2.0, 2.0, 2.0]
    """
    missing = size - len(batch.index)
    if missing <= 0:
        return batch.arrays
    result = {}
    for spec in specs:
        array = batch.arrays[spec.name]
        axis = spec.axis_of(array.ndim)
        last = array if axis is None else np.repeat(slice_samples(array, axis, slice(-1, None)), missing, axis=axis)
        result[spec.name] = array if axis is None else np.concatenate([array, last], axis=axis)
    return result


def reverse_samples(arrays: Mapping[str, Array], specs: Sequence[InputSpec]) -> dict[str, Array]:
    """The arrays with their samples in reverse order.

    >>> spec = InputSpec("x", np.dtype("f4"), ("batch",), 0)
    >>> reverse_samples({"x": np.array([1, 2], "f4")}, [spec])["x"].tolist()
    [2.0, 1.0]
    """
    backwards = slice(None, None, -1)
    return {
        spec.name: np.ascontiguousarray(
            slice_samples(arrays[spec.name], spec.axis_of(arrays[spec.name].ndim), backwards)
        )
        for spec in specs
    }


def balanced_size(count: int, most: int) -> int:
    """Size of the next run if `count` samples are split into as few runs of at most `most` as possible, of equal size.

    >>> balanced_size(8, 7), balanced_size(128, 89), balanced_size(128, 128), balanced_size(5, 2), balanced_size(3, 2)
    (4, 64, 128, 2, 2)
    """
    return ceil(count / ceil(count / most))


def _rebatch(
    batches: Iterable[Batch], specs: Sequence[InputSpec], batch: int, limit: int | None, shard: tuple[int, int] | None
) -> Iterator[Batch]:
    pending: list[Batch] = []
    held = 0
    for piece in _select(batches, specs, limit, shard):
        if pending and not _can_join(pending[0], piece, specs):
            yield _join(pending, specs)
            pending, held = [], 0
        start, count = 0, len(piece.index)
        while held + count - start >= batch:
            stop = start + batch - held
            yield _join([*pending, slice_batch(piece, specs, slice(start, stop))], specs)
            pending, held, start = [], 0, stop
        if start < count:
            shared = _shared_arrays(pending[0], specs) if pending else None
            pending.append(copy_batch(slice_batch(piece, specs, slice(start, count)), shared=shared))
            held += count - start
    if pending:
        yield _join(pending, specs)


def _select(
    batches: Iterable[Batch], specs: Sequence[InputSpec], limit: int | None, shard: tuple[int, int] | None
) -> Iterator[Batch]:
    """The samples of the shard; no batch is read beyond the limit."""
    first, stride = shard or (0, 1)
    number = 0
    for batch in batches:
        count = len(batch.index)
        stop = count if limit is None else min(count, limit - number)
        kept = slice_batch(batch, specs, slice((first - number) % stride, stop, stride))
        if len(kept.index):
            yield kept
        number += count
        if limit is not None and number >= limit:
            return


def _can_join(pending: Batch, piece: Batch, specs: Sequence[InputSpec]) -> bool:
    """Whether two batches agree in all sizes but the number of samples, and in the values of shared inputs."""
    for spec in specs:
        a, b = pending.arrays[spec.name], piece.arrays[spec.name]
        axis = spec.axis_of(a.ndim)
        if axis != spec.axis_of(b.ndim) or a.ndim != b.ndim:
            return False
        if axis is None and not (a.shape == b.shape and a.tobytes() == b.tobytes()):
            return False
        if axis is not None and a.shape[:axis] + a.shape[axis + 1 :] != b.shape[:axis] + b.shape[axis + 1 :]:
            return False
    return True


def _shared_arrays(batch: Batch, specs: Sequence[InputSpec]) -> dict[str, Array]:
    return {s.name: batch.arrays[s.name] for s in specs if s.axis_of(batch.arrays[s.name].ndim) is None}


def _join(batches: list[Batch], specs: Sequence[InputSpec]) -> Batch:
    arrays = {}
    for spec in specs:
        parts = [batch.arrays[spec.name] for batch in batches]
        axis = spec.axis_of(parts[0].ndim)
        joined = parts[0] if axis is None or len(parts) == 1 else np.concatenate(parts, axis)
        arrays[spec.name] = np.require(joined, requirements=["C", "A", "E"])
    labels = [batch.labels for batch in batches if batch.labels is not None]
    return Batch(arrays, np.concatenate([batch.index for batch in batches]), np.concatenate(labels) if labels else None)
