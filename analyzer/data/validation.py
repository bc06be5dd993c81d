"""Fit arrays to the model: check name, dtype and shape of each, then hand them on a slice of samples at a time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .batch import Array, Feed
from .input_spec import InputSpec, described
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


def type_hint(came: np.dtype[Any], wanted: np.dtype[Any]) -> str:
    """What to do about a dtype that is not converted by itself.

    >>> type_hint(np.dtype("u1"), np.dtype("f4"))
    "scale the pixels yourself, for instance x.astype('float32') / 255"
    """
    if came.kind == "O":
        return "object arrays are never read; are the rows of different lengths?"
    if came == np.uint8 and wanted.kind == "f":
        return f"scale the pixels yourself, for instance x.astype('{wanted}') / 255"
    if came.kind in "biuf" and wanted.kind in "biuf":
        return f"convert it yourself, for instance x.astype('{wanted}')"
    return f"give {wanted}"


def shape_hint(shape: tuple[int, ...], spec: InputSpec) -> str:
    """What probably went wrong with a shape, or nothing if no guess is good.

    >>> shape_hint((100, 28, 28), InputSpec("x", np.dtype("f4"), ("batch", 1, 28, 28), 0))
    'add the axis of length 1: np.expand_dims(x, 1)'
    >>> shape_hint((3, 32, 32), InputSpec("x", np.dtype("f4"), ("batch", 3, 32, 32), 0))
    'is it one sample? add the sample axis: np.expand_dims(x, 0)'
    >>> shape_hint((9, 32, 32, 3), InputSpec("x", np.dtype("f4"), ("batch", 3, 32, 32), 0))
    'are the channels last? np.moveaxis(x, -1, 1)'
    >>> shape_hint((9, 28, 28), InputSpec("x", np.dtype("f4"), ("batch", 784), 0))
    'fold it: x.reshape(-1, 784)'
    """
    wanted = spec.shape or ()
    axis = spec.sample_axis
    if len(shape) + 1 == len(wanted):
        for missing in range(len(wanted)):
            if missing != axis and wanted[missing] == 1 and _fits(shape, wanted, axis, without=missing):
                return f"add the axis of length 1: np.expand_dims(x, {missing})"
        if axis is not None and _fits(shape, wanted, axis, without=axis):
            return f"is it one sample? add the sample axis: np.expand_dims(x, {axis})"
    if len(shape) == len(wanted) > 2 and axis == 0:
        last_to_second = (shape[0], shape[-1], *shape[1:-1])
        if _fits(last_to_second, wanted, axis):
            return "are the channels last? np.moveaxis(x, -1, 1)"
        second_to_last = (shape[0], *shape[2:], shape[1])
        if _fits(second_to_last, wanted, axis):
            return "are the channels first? np.moveaxis(x, 1, -1)"
    fixed = [size for size in wanted[1:] if isinstance(size, int)]
    if (
        axis == 0
        and shape
        and len(fixed) == len(wanted) - 1
        and np.prod(shape[1:], dtype=int) == np.prod(fixed, dtype=int)
    ):
        return f"fold it: x.reshape({', '.join(map(str, (-1, *fixed)))})"
    return ""


def _fits(
    shape: tuple[int, ...], wanted: tuple[int | str | None, ...], sample_axis: int | None, *, without: int | None = None
) -> bool:
    kept = [(size, axis == sample_axis) for axis, size in enumerate(wanted) if axis != without]
    return all(
        free or not isinstance(size, int) or size == came for came, (size, free) in zip(shape, kept, strict=True)
    )


@contextmanager
def open_file(path: Path, *, source: str) -> Iterator[IO[bytes]]:
    """Open a file for its bytes.

    Args:
        path: the file.
        source: what messages call it.

    Raises:
        DataError: it is not there, or may not be read.

    >>> with open_file(Path("nowhere.npz"), source="nowhere.npz") as file:  # doctest: +IGNORE_EXCEPTION_DETAIL
    ...     file.read()
    Traceback (most recent call last):
    DataError: nowhere.npz: cannot be read: No such file or directory
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{source}: cannot be read: {error.strerror}") from error
    with file:
        yield file
