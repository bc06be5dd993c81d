"""Fit arrays to the model: check name, dtype and shape of each, then hand them on a slice of samples at a time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .feeds import Array, Feed
from .hints import shape_hint, type_hint
from .inputs import InputSpec, described
from .rows import Rows

SLICE_BYTES = 4 << 20


def conform(
    rows: Mapping[str, Rows], specs: Sequence[InputSpec], *, source: str, labels: Rows | None = None
) -> Iterator[Feed]:
    """Check the arrays against the inputs and cut them into feeds of about 4 MiB.

    Values are converted only where nothing is lost: between floats to a wider one, between integers where every value
    fits, to the machine's byte order. The one exception is float64, numpy's default, which is rounded to the float that
    the model takes.

    Args:
        rows: the array of each input, by the input's name.
        specs: the model's inputs.
        source: what messages call the data.
        labels: class of each sample (sample,).

    Raises:
        DataError: an array does not fit its input, or the arrays differ in their number of samples.

    >>> from .rows import Held
    >>> spec = InputSpec("x", np.dtype("f4"), ("batch", 2), 0)
    >>> [feed.arrays["x"].dtype.name for feed in conform({"x": Held(np.zeros((3, 2)))}, [spec], source="here")]
    ['float32']
    """
    for spec in specs:
        _check_type(rows[spec.name].dtype, rows[spec.name].shape, spec, source)
        _check_shape(rows[spec.name].dtype, rows[spec.name].shape, spec, source)
    if labels is not None:
        check_labels(labels.dtype, labels.shape, source)
    axes = {spec.name: spec.axis_of(len(rows[spec.name].shape)) for spec in specs}
    samples = _samples(rows, axes, labels, source)
    shared = {
        spec.name: convert(rows[spec.name].take(0, samples, axis=None), spec, source=source)
        for spec in specs
        if axes[spec.name] is None
    }
    step = _step(rows, axes, samples)
    for start in range(0, samples, step):
        stop = min(start + step, samples)
        arrays = {
            spec.name: shared[spec.name]
            if axes[spec.name] is None
            else convert(rows[spec.name].take(start, stop, axis=axes[spec.name]), spec, source=source)
            for spec in specs
        }
        classes = None if labels is None else labels.take(start, stop, axis=0).astype(np.int64)
        yield Feed(arrays, classes)


def convert(array: Array, spec: InputSpec, *, source: str) -> Array:
    """The same values in the dtype the input takes; the dtype has been checked to be convertible.

    Raises:
        DataError: a value does not fit.

    >>> convert(np.array([1, 2]), InputSpec("ids", np.dtype("i4"), ("n",), 0), source="here").dtype.name
    'int32'
    """
    if array.dtype == spec.dtype:
        return array
    if spec.dtype.kind in "iu" and not np.can_cast(array.dtype, spec.dtype) and array.size:
        limits = np.iinfo(spec.dtype)
        low, high = int(array.min()), int(array.max())
        if low < limits.min or high > limits.max:
            raise DataError(
                f"{source}: input '{spec.name}' wants {spec.dtype}, came {array.dtype} from {low} to {high}: "
                f"not all values fit, {spec.dtype} ends at {limits.min if low < limits.min else limits.max}"
            )
    with np.errstate(over="ignore"):
        result = array.astype(spec.dtype)
    if (
        spec.dtype.kind == "f"
        and spec.dtype.itemsize < array.dtype.itemsize
        and np.any(np.isinf(result) & ~np.isinf(array))
    ):
        raise DataError(
            f"{source}: input '{spec.name}' wants {spec.dtype}, came {array.dtype} with values it cannot hold: "
            f"keep them within {np.finfo(spec.dtype).max}"
        )
    return result


def check_labels(dtype: np.dtype[Any], shape: tuple[int, ...], source: str) -> None:
    """Refuse labels that are not one integer for each sample.

    Raises:
        DataError: another dtype or rank.
    """
    if dtype.kind not in "iu" or len(shape) != 1:
        raise DataError(f"{source}: labels want one integer for each sample, came {dtype} {described(shape)}")


def labels_of(array: Array, source: str) -> NDArray[np.int64]:
    """Labels as int64 (sample,).

    Raises:
        DataError: not one integer for each sample.
    """
    check_labels(array.dtype, array.shape, source)
    return array.astype(np.int64)


def _check_type(dtype: np.dtype[Any], shape: tuple[int, ...], spec: InputSpec, source: str) -> None:
    came, wanted = dtype.newbyteorder("="), spec.dtype
    floats = came.kind == wanted.kind == "f" and (wanted.itemsize >= came.itemsize or came == np.float64)
    if came == wanted != np.dtype(object) or floats or (came.kind in "iu" and wanted.kind in "iu"):
        return
    raise DataError(
        f"{source}: input '{spec.name}' wants {spec.wants}, came {dtype} {described(shape)}: {type_hint(came, wanted)}"
    )


def _check_shape(dtype: np.dtype[Any], shape: tuple[int, ...], spec: InputSpec, source: str) -> None:
    if spec.shape is None:
        return
    fits = len(shape) == len(spec.shape) and all(
        not isinstance(wanted, int) or axis == spec.sample_axis or size == wanted
        for axis, (size, wanted) in enumerate(zip(shape, spec.shape, strict=True))
    )
    if not fits:
        hint = shape_hint(shape, spec)
        message = f"{source}: input '{spec.name}' wants {spec.wants}, came {dtype} {described(shape)}"
        raise DataError(f"{message}: {hint}" if hint else message)


def _samples(rows: Mapping[str, Rows], axes: Mapping[str, int | None], labels: Rows | None, source: str) -> int:
    counts = {f"input '{name}'": rows[name].shape[axis] for name, axis in axes.items() if axis is not None}
    if labels is not None:
        counts["labels"] = labels.shape[0]
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise DataError(f"{source}: all arrays want the same number of samples, came {listed}")
    return next(iter(counts.values()), 1)


def _step(rows: Mapping[str, Rows], axes: Mapping[str, int | None], samples: int) -> int:
    total = sum(
        int(np.prod(rows[name].shape, dtype=object)) * rows[name].dtype.itemsize
        for name, axis in axes.items()
        if axis is not None
    )
    return max(1, SLICE_BYTES * samples // max(total, 1))
