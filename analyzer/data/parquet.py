"""A .parquet file: one row per sample, one column per input, read one group of rows after another."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, import_optional
from .batch import Array, Samples
from .input_spec import InputSpec, match_keys
from .lazy_array import LazyArray
from .validation import conform

ROWS_PER_READ = 1024


def read_parquet(
    path: Path, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None
) -> Iterator[Samples]:
    """Samples of the rows, up to 1024 at a time.

    A column of numbers is an array (sample,), a column of lists an array (sample, ...). Flat lists and numbers are
    reshaped to the shape of the input if that is fixed and has as many values.

    Args:
        path: the file.
        specs: the model's inputs; none may be shared by all samples, as a table has a value in every row.
        columns: column names the user chose, by input.
        labels: name of the column of labels.

    Raises:
        DataError: a column is missing, has nulls or lists of different lengths, or does not fit its input.
        MissingDependencyError: pyarrow is not installed.
    """
    pa, parquet = (
        import_optional(module, package="pyarrow", task="reading .parquet") for module in ("pyarrow", "pyarrow.parquet")
    )
    for spec in specs:
        if spec.sample_axis is None:
            raise DataError(
                f"{path.name}: expected inputs with a value for each row, got '{spec.name}', which all samples share; "
                "give the data as .npz"
            )
    try:
        with parquet.ParquetFile(path) as file:
            keys = match_keys(file.schema_arrow.names, specs, columns=columns, labels=labels, source=path.name)
            names = [*keys.values(), *([] if labels is None else [labels])]
            for table in file.iter_batches(ROWS_PER_READ, columns=names, use_threads=False):
                arrays = {name: _read_column(table.column(name), f"{path.name}[{name}]") for name in names}
                inputs = {spec.name: LazyArray.of(_reshape(arrays[keys[spec.name]], spec)) for spec in specs}
                classes = None if labels is None else LazyArray.of(arrays[labels])
                yield from conform(inputs, specs, source=path.name, labels=classes)
    except (pa.ArrowException, OSError) as error:
        cause = str(error).splitlines()[0]
        raise DataError(f"{path.name}: expected a .parquet file, got a damaged one ({cause}); save it again") from error


def _read_column(column: Any, source: str) -> Array:
    """A column as an array (sample, ...); each level of nested lists is one axis."""
    import pyarrow as pa  # noqa: PLC0415

    if isinstance(column, pa.FixedShapeTensorArray):
        return np.asarray(column.to_numpy_ndarray())
    shape = [len(column)]
    while (
        pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or pa.types.is_fixed_size_list(column.type)
    ):
        _check_no_nulls(column, source)
        lengths = column.value_lengths().to_numpy(zero_copy_only=False)
        if len(lengths) and np.any(lengths != lengths[0]):
            row = int(np.argmax(lengths != lengths[0])) // int(np.prod(shape[1:]))
            raise DataError(
                f"{source}: expected lists of one length, got {lengths[0]} and {lengths[lengths != lengths[0]][0]}, "
                f"first at row {row} of a group of {shape[0]}; pad or cut them"
            )
        shape.append(int(lengths[0]) if len(lengths) else 0)
        column = column.flatten()
    _check_no_nulls(column, source)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)):
        raise DataError(f"{source}: expected numbers or lists of numbers, got {column.type}; convert the column")
    return np.asarray(column.to_numpy(zero_copy_only=False)).reshape(shape)


def _check_no_nulls(column: Any, source: str) -> None:
    if column.null_count:
        raise DataError(
            f"{source}: expected a value in every row, got {column.null_count} nulls; fill or drop those rows"
        )


def _reshape(array: Array, spec: InputSpec) -> Array:
    """The array in the declared shape of the input, its samples along the sample axis."""
    if spec.shape is not None and spec.sample_axis is not None and array.ndim <= 2:
        fixed = [size for axis, size in enumerate(spec.shape) if axis != spec.sample_axis and isinstance(size, int)]
        if len(fixed) == len(spec.shape) - 1 and np.prod(fixed, dtype=int) == np.prod(array.shape[1:], dtype=int):
            array = array.reshape(len(array), *fixed)
    return np.moveaxis(array, 0, spec.sample_axis or 0)
