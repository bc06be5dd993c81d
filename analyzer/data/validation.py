"""Check the arrays of a source against the model's inputs, convert them without loss, and read them in slices."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .batch import Array, Samples
from .input_spec import InputSpec, Shape, format_shape
from .lazy_array import LazyArray

SLICE_BYTES = 4 << 20


def conform(
    arrays: Mapping[str, LazyArray], specs: Sequence[InputSpec], *, source: str, labels: LazyArray | None = None
) -> Iterator[Samples]:
    """Check the arrays against the inputs and yield their samples in slices of about 4 MiB.

    Values are converted only if nothing is lost: floats to a wider float, integers to a dtype that holds every value,
    any byte order to the native one. The one exception is float64, numpy's default, which is rounded to the float of
    the input.

    Args:
        arrays: the array of each input, by the input's name.
        specs: the model's inputs.
        source: name of the data in messages.
        labels: class of each sample (sample,).

    Raises:
        DataError: an array does not fit its input, or the arrays differ in their number of samples.

    >>> spec = InputSpec("x", np.dtype("f4"), ("batch", 2), 0)
    >>> found = conform({"x": LazyArray.of(np.zeros((3, 2)))}, [spec], source="here")
    >>> [values["x"].dtype.name for values, _ in found]
    ['float32']
    """
    for spec in specs:
        _check_dtype(arrays[spec.name], spec, source)
        _check_shape(arrays[spec.name], spec, source)
    if labels is not None:
        check_labels(labels.dtype, labels.shape, source)
    axes = {spec.name: spec.axis_of(len(arrays[spec.name].shape)) for spec in specs}
    samples = _count_samples(arrays, axes, labels, source)
    shared = {
        spec.name: convert(arrays[spec.name].read(0, samples, None), spec, source=source)
        for spec in specs
        if axes[spec.name] is None
    }
    step = _samples_per_slice(arrays, axes, samples)
    for start in range(0, samples, step):
        stop = min(start + step, samples)
        values = {
            spec.name: shared[spec.name]
            if axes[spec.name] is None
            else convert(arrays[spec.name].read(start, stop, axes[spec.name]), spec, source=source)
            for spec in specs
        }
        yield values, None if labels is None else labels.read(start, stop, 0).astype(np.int64)


def convert(array: Array, spec: InputSpec, *, source: str) -> Array:
    """The same values in the dtype of the input; the dtype has been checked to be convertible.

    Raises:
        DataError: a value is out of the range of the dtype.

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
                f"{source}: expected {spec.dtype} for input '{spec.name}', got {array.dtype} from {low} to {high}; "
                f"not all values fit, keep them within {limits.min} to {limits.max}"
            )
    with np.errstate(over="ignore"):
        result = array.astype(spec.dtype)
    if (
        spec.dtype.kind == "f"
        and spec.dtype.itemsize < array.dtype.itemsize
        and np.any(np.isinf(result) & ~np.isinf(array))
    ):
        raise DataError(
            f"{source}: expected {spec.dtype} for input '{spec.name}', got {array.dtype} with values out of its range; "
            f"keep them within {np.finfo(spec.dtype).max}"
        )
    return result


def check_labels(dtype: np.dtype[Any], shape: tuple[int, ...], source: str) -> None:
    """Check that labels are one integer for each sample.

    Raises:
        DataError: the dtype is not an integer, or the rank is not 1.
    """
    if dtype.kind not in "iu" or len(shape) != 1:
        raise DataError(
            f"{source}: expected labels with one integer for each sample, got {dtype} {format_shape(shape)}; "
            "number the classes"
        )


def convert_labels(array: Array, source: str) -> NDArray[np.int64]:
    """Labels as int64 (sample,).

    Raises:
        DataError: the labels are not one integer for each sample.
    """
    check_labels(array.dtype, array.shape, source)
    return array.astype(np.int64)


def dtype_hint(got: np.dtype[Any], expected: np.dtype[Any]) -> str:
    """How to convert an array of a dtype that is not converted automatically.

    >>> dtype_hint(np.dtype("u1"), np.dtype("f4"))
    "scale the pixels first, for example x.astype('float32') / 255"
    """
    if got.kind == "O":
        return "object arrays are not read; make all rows of one length"
    if got == np.uint8 and expected.kind == "f":
        return f"scale the pixels first, for example x.astype('{expected}') / 255"
    if got.kind in "biuf" and expected.kind in "biuf":
        return f"convert it first, for example x.astype('{expected}')"
    return f"give {expected}"


def shape_hint(shape: tuple[int, ...], spec: InputSpec) -> str:
    """How to convert an array of this shape to the shape of the input; an empty string if unknown.

    >>> shape_hint((100, 28, 28), InputSpec("x", np.dtype("f4"), ("batch", 1, 28, 28), 0))
    'add the axis of length 1: np.expand_dims(x, 1)'
    >>> shape_hint((3, 32, 32), InputSpec("x", np.dtype("f4"), ("batch", 3, 32, 32), 0))
    'for a single sample, add the sample axis: np.expand_dims(x, 0)'
    >>> shape_hint((9, 32, 32, 3), InputSpec("x", np.dtype("f4"), ("batch", 3, 32, 32), 0))
    'if the channels are last, use np.moveaxis(x, -1, 1)'
    >>> shape_hint((9, 28, 28), InputSpec("x", np.dtype("f4"), ("batch", 784), 0))
    'reshape it: x.reshape(-1, 784)'
    """
    expected = spec.shape or ()
    axis = spec.sample_axis
    if len(shape) + 1 == len(expected):
        for missing in range(len(expected)):
            if missing != axis and expected[missing] == 1 and _matches(shape, expected, axis, without=missing):
                return f"add the axis of length 1: np.expand_dims(x, {missing})"
        if axis is not None and _matches(shape, expected, axis, without=axis):
            return f"for a single sample, add the sample axis: np.expand_dims(x, {axis})"
    if len(shape) == len(expected) > 2 and axis == 0:
        last_to_second = (shape[0], shape[-1], *shape[1:-1])
        if _matches(last_to_second, expected, axis):
            return "if the channels are last, use np.moveaxis(x, -1, 1)"
        second_to_last = (shape[0], *shape[2:], shape[1])
        if _matches(second_to_last, expected, axis):
            return "if the channels are first, use np.moveaxis(x, 1, -1)"
    fixed = [size for size in expected[1:] if isinstance(size, int)]
    if (
        axis == 0
        and shape
        and len(fixed) == len(expected) - 1
        and np.prod(shape[1:], dtype=int) == np.prod(fixed, dtype=int)
    ):
        return f"reshape it: x.reshape({', '.join(map(str, (-1, *fixed)))})"
    return ""


@contextmanager
def open_file(path: Path, *, source: str) -> Iterator[IO[bytes]]:
    """Open a file to read its bytes.

    Args:
        path: the file.
        source: its name in messages.

    Raises:
        DataError: it does not exist, or permission is denied.

    >>> with open_file(Path("nowhere.npz"), source="nowhere.npz") as file:  # doctest: +IGNORE_EXCEPTION_DETAIL
    ...     file.read()
    Traceback (most recent call last):
    DataError: nowhere.npz: cannot be read: No such file or directory
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{source}: cannot be read: {error.strerror}; check the path and its permissions") from error
    with file:
        yield file


def _check_dtype(array: LazyArray, spec: InputSpec, source: str) -> None:
    got, expected = array.dtype.newbyteorder("="), spec.dtype
    floats = got.kind == expected.kind == "f" and (expected.itemsize >= got.itemsize or got == np.float64)
    if got == expected != np.dtype(object) or floats or (got.kind in "iu" and expected.kind in "iu"):
        return
    raise DataError(f"{_mismatch(array, spec, source)}; {dtype_hint(got, expected)}")


def _check_shape(array: LazyArray, spec: InputSpec, source: str) -> None:
    if spec.shape is None or (
        len(array.shape) == len(spec.shape) and _matches(array.shape, spec.shape, spec.sample_axis)
    ):
        return
    hint = shape_hint(array.shape, spec)
    message = _mismatch(array, spec, source)
    raise DataError(f"{message}; {hint}" if hint else message)


def _mismatch(array: LazyArray, spec: InputSpec, source: str) -> str:
    got = f"{array.dtype} {format_shape(array.shape)}"
    return f"{source}: expected {spec.description} for input '{spec.name}', got {got}"


def _matches(shape: tuple[int, ...], expected: Shape, sample_axis: int | None, *, without: int | None = None) -> bool:
    """Whether a shape has the fixed sizes of the expected shape, except on the axis `without`."""
    kept = [(size, axis == sample_axis) for axis, size in enumerate(expected) if axis != without]
    return all(free or not isinstance(size, int) or size == got for got, (size, free) in zip(shape, kept, strict=True))


def _count_samples(
    arrays: Mapping[str, LazyArray], axes: Mapping[str, int | None], labels: LazyArray | None, source: str
) -> int:
    counts = {f"input '{name}'": arrays[name].shape[axis] for name, axis in axes.items() if axis is not None}
    if labels is not None:
        counts["labels"] = labels.shape[0]
    if len(set(counts.values())) > 1:
        got = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise DataError(
            f"{source}: expected the same number of samples in all arrays, got {got}; check the axis of the samples"
        )
    return next(iter(counts.values()), 1)


def _samples_per_slice(arrays: Mapping[str, LazyArray], axes: Mapping[str, int | None], samples: int) -> int:
    total = sum(
        int(np.prod(arrays[name].shape, dtype=object)) * arrays[name].dtype.itemsize
        for name, axis in axes.items()
        if axis is not None
    )
    return max(1, SLICE_BYTES * samples // max(total, 1))
