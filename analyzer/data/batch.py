"""Re-cut feeds of any size into batches of one size, and number the samples."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from .input_spec import InputSpec

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Feed:
    """Some number of consecutive samples.

    Args:
        arrays: one array for each input, by name, in the dtype and shape it wants; the number of samples is free.
        labels: class of each sample (sample,), or None.
    """

    arrays: dict[str, Array]
    labels: NDArray[np.int64] | None


def sample_count(arrays: Mapping[str, Array], specs: Sequence[InputSpec]) -> int:
    """Number of samples in arrays that are fit for the model; 1 if the model's inputs are all shared.

    >>> spec = InputSpec("state", np.dtype("f4"), (2, "batch"), 1)
    >>> sample_count({"state": np.zeros((2, 5), "f4")}, [spec])
    5
    """
    for spec in specs:
        array = arrays[spec.name]
        axis = spec.axis_of(array.ndim)
        if axis is not None:
            return int(array.shape[axis])
    return 1


def along(array: Array, axis: int | None, part: slice) -> Array:
    """The samples `part` of an array, as a view; a shared array (axis None) as it is.

    >>> along(np.arange(6).reshape(2, 3), 1, slice(0, 2)).tolist()
    [[0, 1], [3, 4]]
    """
    return array if axis is None else array[(slice(None),) * axis + (part,)]


@dataclass(frozen=True, eq=False)
class Batch:
    """Some samples to run at once.

    Args:
        arrays: one array for each input, by name, contiguous and aligned; valid until the next batch is asked for.
        index: number of each sample in the whole data (sample,).
        labels: class of each sample (sample,), or None.
    """

    arrays: dict[str, Array]
    index: NDArray[np.int64]
    labels: NDArray[np.int64] | None


def rebatch(
    feeds: Iterable[Feed],
    specs: Sequence[InputSpec],
    *,
    batch: int,
    limit: int | None = None,
    shard: tuple[int, int] | None = None,
) -> Iterator[Batch]:
    """Cut the samples into batches of exactly `batch`, the last one shorter.

    A batch ends early where the next samples have another shape (sequences of another length) or another value of a
    shared input. At most one batch is copied at a time, and a feed's memory may be reused once the next is asked for.

    Args:
        feeds: consecutive samples, each feed of any size.
        specs: the model's inputs.
        batch: samples in a batch; 1 where the model has no sample axis.
        limit: read no further than this many samples.
        shard: (i, n) keeps the samples whose number is i modulo n.

    Raises:
        OptionError: batch or limit below 1, or a shard outside 0 <= i < n.

    >>> spec = InputSpec("x", np.dtype("f4"), ("batch",), 0)
    >>> feeds = [Feed({"x": np.arange(5, dtype="f4")}, None), Feed({"x": np.arange(4, dtype="f4")}, None)]
    >>> [piece.index.tolist() for piece in rebatch(feeds, [spec], batch=4)]
    [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    """
    _check(batch, limit, shard)
    return _rebatch(feeds, specs, batch if any(spec.sample_axis is not None for spec in specs) else 1, limit, shard)


def _rebatch(
    feeds: Iterable[Feed], specs: Sequence[InputSpec], batch: int, limit: int | None, shard: tuple[int, int] | None
) -> Iterator[Batch]:
    pending: list[Batch] = []
    held = 0
    for piece in _numbered(feeds, specs, limit, shard):
        if pending and not _continues(pending[0], piece, specs):
            yield _joined(pending, specs)
            pending, held = [], 0
        start, count = 0, len(piece.index)
        while held + count - start >= batch:
            stop = start + batch - held
            yield _joined([*pending, _cut(piece, specs, slice(start, stop))], specs)
            pending, held, start = [], 0, stop
        if start < count:
            pending.append(_owned(_cut(piece, specs, slice(start, count)), pending[0] if pending else None, specs))
            held += count - start
    if pending:
        yield _joined(pending, specs)


def _check(batch: int, limit: int | None, shard: tuple[int, int] | None) -> None:
    if batch < 1:
        raise OptionError(f"a batch wants at least 1 sample, came {batch}")
    if limit is not None and limit < 1:
        raise OptionError(f"a limit wants at least 1 sample, came {limit}")
    if shard is not None and not 0 <= shard[0] < shard[1]:
        raise OptionError(f"a shard I/N wants 0 <= I < N, came {shard[0]}/{shard[1]}")


def _numbered(
    feeds: Iterable[Feed], specs: Sequence[InputSpec], limit: int | None, shard: tuple[int, int] | None
) -> Iterator[Batch]:
    """The samples of each feed that are wanted, with their numbers; none are read beyond the limit."""
    first, stride = shard or (0, 1)
    number = 0
    for feed in feeds:
        count = sample_count(feed.arrays, specs)
        stop = count if limit is None else min(count, limit - number)
        piece = Batch(feed.arrays, np.arange(number, number + count, dtype=np.int64), feed.labels)
        kept = _cut(piece, specs, slice((first - number) % stride, stop, stride))
        if len(kept.index):
            yield kept
        number += count
        if limit is not None and number >= limit:
            return


def _cut(piece: Batch, specs: Sequence[InputSpec], part: slice) -> Batch:
    arrays = {}
    for spec in specs:
        array = piece.arrays[spec.name]
        arrays[spec.name] = along(array, spec.axis_of(array.ndim), part)
    return Batch(arrays, piece.index[part], None if piece.labels is None else piece.labels[part])


def _continues(pending: Batch, piece: Batch, specs: Sequence[InputSpec]) -> bool:
    """Whether the piece can stand in one batch with what is pending."""
    for spec in specs:
        a, b = pending.arrays[spec.name], piece.arrays[spec.name]
        axis = spec.axis_of(a.ndim)
        if axis != spec.axis_of(b.ndim) or a.ndim != b.ndim:
            return False
        if axis is None and not _same(a, b):
            return False
        if axis is not None and a.shape[:axis] + a.shape[axis + 1 :] != b.shape[:axis] + b.shape[axis + 1 :]:
            return False
    return True


def _same(a: Array, b: Array) -> bool:
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def _owned(piece: Batch, before: Batch | None, specs: Sequence[InputSpec]) -> Batch:
    """A copy that outlives the feed; of a shared value the copy that is there already."""
    arrays = {}
    for spec in specs:
        array = piece.arrays[spec.name]
        shared = before is not None and spec.axis_of(array.ndim) is None
        arrays[spec.name] = before.arrays[spec.name] if before is not None and shared else array.copy()
    return Batch(arrays, piece.index, None if piece.labels is None else piece.labels.copy())


def _joined(pieces: list[Batch], specs: Sequence[InputSpec]) -> Batch:
    arrays = {}
    for spec in specs:
        parts = [piece.arrays[spec.name] for piece in pieces]
        axis = spec.axis_of(parts[0].ndim)
        whole = parts[0] if axis is None or len(parts) == 1 else np.concatenate(parts, axis)
        arrays[spec.name] = np.require(whole, requirements=["C", "A", "E"])
    labels = [piece.labels for piece in pieces if piece.labels is not None]
    return Batch(arrays, np.concatenate([piece.index for piece in pieces]), np.concatenate(labels) if labels else None)


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
