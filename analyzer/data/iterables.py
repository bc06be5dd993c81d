"""Data from Python: an array, a dict, a tuple, or anything iterable that yields them, such as a torch DataLoader."""

import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .batch import Array, Feed
from .input_spec import InputSpec, check_nameless, keys_of, listed, only_input
from .rows import Held
from .validation import conform


def read_iterable(
    data: object, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None, source: str
) -> Iterator[Feed]:
    """Feeds of one record, or of every record an iterable yields.

    A record is some samples: a dict of arrays by input name, a tuple of arrays in the order of the inputs, or one array
    for a model with one input. One more array at the end of a tuple holds the labels, if it is a vector of integers: so
    the (x, y) of a torch DataLoader is read as it is. A list of numbers is an array, any other list a sequence of
    records (inside a record: a tuple). An object with `get_next`, such as onnxruntime's CalibrationDataReader, is asked
    until it returns None. Tensors are recognised by what they can do, not by importing their library.

    Args:
        data: a record or an iterable of records.
        specs: the model's inputs, in the model's order.
        columns: keys the user chose, by input, for records that are dicts.
        labels: key of the labels in records that are dicts.
        source: what messages call the data.

    Raises:
        DataError: the data is neither, or a record does not fit the inputs.

    >>> spec = InputSpec("x", np.dtype("f4"), ("batch",), 0)
    >>> batches = [(np.zeros(2, "f4"), np.array([7, 8])), (np.zeros(1, "f4"), np.array([9]))]
    >>> [feed.labels.tolist() for feed in read_iterable(batches, [spec], columns={}, labels=None, source="here")]
    [[7, 8], [9]]
    """
    if _is_record(data):
        yield from _feeds(data, specs, columns, labels, source)
        return
    for place, record in enumerate(_records(data, source)):
        yield from _feeds(record, specs, columns, labels, f"{source}, item {place}")


def _is_record(data: object) -> bool:
    return isinstance(data, (Mapping, tuple)) or _is_array(data) or _is_numbers(data)


def _is_array(data: object) -> bool:
    return hasattr(data, "__array__") or hasattr(data, "detach")


def _is_numbers(data: object) -> bool:
    """Whether the data is a number, or a list that begins with one however deep."""
    while isinstance(data, list) and data:
        data = data[0]
    return isinstance(data, (bool, int, float, np.generic))


def _records(data: object, source: str) -> Iterable[object]:
    get_next = getattr(data, "get_next", None)
    if callable(get_next):
        return iter(get_next, None)
    if isinstance(data, Iterable) and not isinstance(data, (str, bytes, bytearray)):
        return data
    raise DataError(
        f"{source}: wants a path, an array, a dict of arrays or an iterable of them, came {type(data).__name__}"
    )


def _feeds(
    record: object, specs: Sequence[InputSpec], columns: Mapping[str, str], labels: str | None, source: str
) -> Iterator[Feed]:
    if isinstance(record, Mapping):
        keys = keys_of(list(record), specs, columns=columns, labels=labels, source=source)
        arrays = {name: _array(record[key], f"{source}[{key}]") for name, key in keys.items()}
        classes = None if labels is None else _array(record[labels], f"{source}[{labels}]")
    elif isinstance(record, (tuple, list)) and not _is_numbers(record):
        check_nameless(columns=columns, labels=labels, source=source)
        arrays, classes = _by_place([_array(value, source) for value in record], specs, source)
    else:
        spec = only_input(specs, columns=columns, labels=labels, source=source)
        arrays, classes = {spec.name: _array(record, source)}, None
    rows = {name: Held(array) for name, array in arrays.items()}
    yield from conform(rows, specs, source=source, labels=None if classes is None else Held(classes))


def _by_place(
    arrays: Sequence[Array], specs: Sequence[InputSpec], source: str
) -> tuple[dict[str, Array], Array | None]:
    labelled = len(arrays) == len(specs) + 1 and arrays[-1].ndim <= 1 and arrays[-1].dtype.kind in "iu"
    if len(arrays) != len(specs) + labelled:
        raise DataError(
            f"{source}: the model wants {len(specs)} inputs ({listed([spec.name for spec in specs])}) and perhaps a "
            f"vector of integers as labels, came {len(arrays)} arrays"
        )
    named = {spec.name: array for spec, array in zip(specs, arrays, strict=False)}
    return named, arrays[-1] if labelled else None


def _array(value: Any, source: str) -> Array:
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
        if not hasattr(value, "__array__") and callable(getattr(value, "numpy", None)):
            value = value.numpy()
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{source}: wants an array, came {type(value).__name__} ({reason})") from error


def is_loader(text: str) -> bool:
    """Whether the text names a function in a Python file.

    >>> is_loader("data/loader.py:func"), is_loader("data.npz")
    (True, False)
    """
    return text.rpartition(":")[0].endswith(".py")


def read_loader(
    text: str, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None
) -> Iterator[Feed]:
    """Run the file, call the function without arguments, and read what it returns or yields like any iterable.

    The file is executed as Python: name only files that you trust. Modules beside it can be imported at its top level.
    What the function itself raises passes through unchanged.

    Args:
        text: path/loader.py:func.
        specs: the model's inputs.
        columns: keys the user chose, by input.
        labels: key of the labels in what the function yields.

    Raises:
        DataError: the file or the function is not there, the file cannot be imported, or what comes does not fit.
    """
    name, _, function = text.rpartition(":")
    path = Path(name)
    if not path.is_file():
        raise DataError(f"'{text}': no such file: {path}")
    spec = importlib.util.spec_from_file_location(f"relucid_loader_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise DataError(f"'{text}': {path} cannot be imported as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and worker processes look the module up by its name
    folder = str(path.parent.resolve())
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        raise DataError(f"'{text}': cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(folder)
    made = getattr(module, function, None)
    if not callable(made):
        raise DataError(f"'{text}': {path.name} has no function '{function}'")
    return read_iterable(made(), specs, columns=columns, labels=labels, source=text)
