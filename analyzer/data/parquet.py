"""A .parquet file: one row a sample, one column for each input; row groups are read one after another."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, MissingDependencyError
from .batch import Array, Feed
from .input_spec import InputSpec, keys_of
from .rows import Held
from .validation import conform

ROWS = 1024


def read_parquet(
    path: Path, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None
) -> Iterator[Feed]:
    """Feeds of up to 1024 rows.

    A column of numbers is an array (sample,), a column of lists an array (sample, ...). A flat list, or a number, is
    folded into the shape the input declares if that is fixed and holds as many values.

    Args:
        path: the file.
        specs: the model's inputs; none may be shared by all samples, a table has a value for every row.
        columns: column names the user chose, by input.
        labels: name of the column of labels.

    Raises:
        DataError: a column is missing, has gaps or lists of different lengths, or does not fit its input.
        MissingDependencyError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError("reading .parquet wants pyarrow: pip install pyarrow") from error
    for spec in specs:
        if spec.sample_axis is None:
            raise DataError(
                f"{path.name}: input '{spec.name}' is one value for all samples, a table has one for each row"
            )
    try:
        with parquet.ParquetFile(path) as file:
            keys = keys_of(file.schema_arrow.names, specs, columns=columns, labels=labels, source=path.name)
            wanted = [*keys.values(), *([] if labels is None else [labels])]
            for table in file.iter_batches(ROWS, columns=wanted, use_threads=False):
                arrays = {key: _array(table.column(key), f"{path.name}[{key}]") for key in wanted}
                rows = {spec.name: Held(_folded(arrays[keys[spec.name]], spec)) for spec in specs}
                classes = None if labels is None else Held(arrays[labels])
                yield from conform(rows, specs, source=path.name, labels=classes)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path.name}: cannot be read as .parquet ({str(error).splitlines()[0]})") from error


def _array(column: Any, source: str) -> Array:
    """A column as an array (sample, ...), level by level of its lists."""
    import pyarrow as pa  # noqa: PLC0415

    if isinstance(column, pa.FixedShapeTensorArray):
        return np.asarray(column.to_numpy_ndarray())
    shape = [len(column)]
    while (
        pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or pa.types.is_fixed_size_list(column.type)
    ):
        _check_no_gaps(column, source)
        lengths = column.value_lengths().to_numpy(zero_copy_only=False)
        if len(lengths) and np.any(lengths != lengths[0]):
            row = int(np.argmax(lengths != lengths[0])) // int(np.prod(shape[1:]))
            raise DataError(
                f"{source}: all lists want one length, came {lengths[0]} and {lengths[lengths != lengths[0]][0]}, "
                f"the first time {row} rows into a group of {shape[0]}"
            )
        shape.append(int(lengths[0]) if len(lengths) else 0)
        column = column.flatten()
    _check_no_gaps(column, source)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)):
        raise DataError(f"{source}: wants numbers or lists of numbers, came {column.type}")
    return np.asarray(column.to_numpy(zero_copy_only=False)).reshape(shape)


def _check_no_gaps(column: Any, source: str) -> None:
    if column.null_count:
        raise DataError(f"{source}: {column.null_count} values are missing (null): fill or drop those rows")


def _folded(array: Array, spec: InputSpec) -> Array:
    """Samples moved to their axis, and a flat list in the shape the input declares."""
    if spec.shape is not None and spec.sample_axis is not None and array.ndim <= 2:
        fixed = [size for axis, size in enumerate(spec.shape) if axis != spec.sample_axis and isinstance(size, int)]
        if len(fixed) == len(spec.shape) - 1 and np.prod(fixed, dtype=int) == np.prod(array.shape[1:], dtype=int):
            array = array.reshape(len(array), *fixed)
    return np.moveaxis(array, 0, spec.sample_axis or 0)
