"""Data from Python: an array, a dict, a tuple, an iterable of them such as a torch DataLoader, or a loader function."""

import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .batch import Array, Samples
from .input_spec import InputSpec, check_no_keys, format_names, match_keys, require_one_input
from .lazy_array import LazyArray
from .validation import conform


def read_iterable(
    data: object, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None, source: str
) -> Iterator[Samples]:
    """Samples of one record, or of every record an iterable yields.

    A record is a dict of arrays by input name, a tuple of arrays in the order of the inputs, or one array for a model
    with one input. A tuple may end with a vector of integers, the labels, as the (x, y) of a torch DataLoader does. A
    list of numbers is an array, any other list a sequence of records (inside a record: a tuple). `get_next` of an
    object that has it, such as onnxruntime's CalibrationDataReader, is called until it returns None. Tensors are
    recognised by their methods, without importing their library.

    Args:
        data: a record or an iterable of records.
        specs: the model's inputs, in the model's order.
        columns: keys the user chose, by input, for records that are dicts.
        labels: key of the labels in records that are dicts.
        source: name of the data in messages.

    Raises:
        DataError: the data is neither, or a record does not fit the inputs.

    >>> spec = InputSpec("x", np.dtype("f4"), ("batch",), 0)
    >>> records = [(np.zeros(2, "f4"), np.array([7, 8])), (np.zeros(1, "f4"), np.array([9]))]
    >>> found = read_iterable(records, [spec], columns={}, labels=None, source="here")
    >>> [labels.tolist() for _, labels in found]
    [[7, 8], [9]]
    """
    if _is_record(data):
        yield from _read_record(data, specs, columns, labels, source)
        return
    for place, record in enumerate(_iterate_records(data, source)):
        yield from _read_record(record, specs, columns, labels, f"{source}, item {place}")


def _is_record(data: object) -> bool:
    return isinstance(data, (Mapping, tuple)) or _is_array(data) or _is_numbers(data)


def _is_array(data: object) -> bool:
    return hasattr(data, "__array__") or hasattr(data, "detach")


def _is_numbers(data: object) -> bool:
    """Whether the data is a number, or a list, nested or not, whose first entry is a number."""
    while isinstance(data, list) and data:
        data = data[0]
    return isinstance(data, (bool, int, float, np.generic))


def _iterate_records(data: object, source: str) -> Iterable[object]:
    get_next = getattr(data, "get_next", None)
    if callable(get_next):
        return iter(get_next, None)
    if isinstance(data, Iterable) and not isinstance(data, (str, bytes, bytearray)):
        return data
    raise DataError(
        f"{source}: expected a path, an array, a dict of arrays or an iterable of them, got {type(data).__name__}"
    )


def _read_record(
    record: object, specs: Sequence[InputSpec], columns: Mapping[str, str], labels: str | None, source: str
) -> Iterator[Samples]:
    """Samples of one dict, tuple or array."""
    if isinstance(record, Mapping):
        keys = match_keys(list(record), specs, columns=columns, labels=labels, source=source)
        arrays = {name: _to_array(record[key], f"{source}[{key}]") for name, key in keys.items()}
        classes = None if labels is None else _to_array(record[labels], f"{source}[{labels}]")
    elif isinstance(record, (tuple, list)) and not _is_numbers(record):
        check_no_keys(columns=columns, labels=labels, source=source)
        arrays, classes = _split_tuple([_to_array(value, source) for value in record], specs, source)
    else:
        spec = require_one_input(specs, columns=columns, labels=labels, source=source)
        arrays, classes = {spec.name: _to_array(record, source)}, None
    lazy = {name: LazyArray.of(array) for name, array in arrays.items()}
    yield from conform(lazy, specs, source=source, labels=None if classes is None else LazyArray.of(classes))


def _split_tuple(
    arrays: Sequence[Array], specs: Sequence[InputSpec], source: str
) -> tuple[dict[str, Array], Array | None]:
    """The arrays of a tuple by input, and its labels if it has any."""
    labelled = len(arrays) == len(specs) + 1 and arrays[-1].ndim <= 1 and arrays[-1].dtype.kind in "iu"
    if len(arrays) != len(specs) + labelled:
        raise DataError(
            f"{source}: expected one array for each input ({format_names([spec.name for spec in specs])}) and "
            f"optionally a vector of integers as labels, got {len(arrays)} arrays; pass arrays by name, in a dict"
        )
    by_input = {spec.name: array for spec, array in zip(specs, arrays, strict=False)}
    return by_input, arrays[-1] if labelled else None


def _to_array(value: Any, source: str) -> Array:
    """A tensor of any library, a list or a number as a numpy array."""
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
        if not hasattr(value, "__array__") and callable(getattr(value, "numpy", None)):
            value = value.numpy()
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        got = type(value).__name__
        raise DataError(f"{source}: expected an array, got {got} ({reason}); convert it to a numpy array") from error


def read_loader(
    text: str, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None
) -> Iterator[Samples]:
    """Run a Python file, call its function without arguments, and read the result as `read_iterable` does.

    The file is executed: use only files that you trust. It can import modules of its folder at its top level.
    Exceptions of the function propagate unchanged.

    Args:
        text: path/loader.py:func.
        specs: the model's inputs.
        columns: keys the user chose, by input.
        labels: key of the labels in the records of the function.

    Raises:
        DataError: the file or the function does not exist, the file cannot be imported, or a record does not fit.
    """
    name, _, function = text.rpartition(":")
    path = Path(name)
    if not path.is_file():
        raise DataError(f"'{text}': expected a Python file, got no such file: {path}; check the path")
    spec = importlib.util.spec_from_file_location(f"relucid_loader_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise DataError(f"'{text}': expected a Python file, got {path}, which cannot be imported; name it *.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and worker processes look the module up by its name
    folder = str(path.parent.resolve())
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        raise DataError(
            f"'{text}': expected a Python file that can be imported, got {type(error).__name__}: {error}; "
            f"correct {path.name}"
        ) from error
    finally:
        sys.path.remove(folder)
    load = getattr(module, function, None)
    if not callable(load):
        raise DataError(f"'{text}': expected the name of a function in {path.name}, got '{function}'; check the name")
    return read_iterable(load(), specs, columns=columns, labels=labels, source=text)
