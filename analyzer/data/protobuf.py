"""A folder of `test_data_set_*`, as shipped with ONNX models: one protobuf tensor in a file for each input."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from ..errors import DataError
from .batch import Array, Samples
from .input_spec import InputSpec, check_no_keys, format_names
from .lazy_array import LazyArray
from .validation import conform, open_file

INPUT_FILE = re.compile(r"input_(\d+)\.pb")
DATA_SET_FOLDER = re.compile(r"test_data_set_(\d+)")


def is_protobuf_folder(folder: Path) -> bool:
    """Whether the folder is a test data set or contains some."""
    return bool(_input_files(folder) or _data_sets(folder))


def read_protobufs(
    folder: Path, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None
) -> Iterator[Samples]:
    """Samples of one data set after another, by number.

    Tensors are matched to inputs by name, or by `columns`; if the names in the files are not the model's, input_0.pb is
    the first input and so on.

    Args:
        folder: contains test_data_set_0, test_data_set_1 ..., or input_0.pb, input_1.pb ... itself.
        specs: the model's inputs, in the model's order.
        columns: tensor names the user chose, by input.
        labels: must be None, as the files have no labels.

    Raises:
        DataError: a file is not a tensor, refers to another file for its values, is missing, or does not fit its input.
    """
    check_no_keys(columns={}, labels=labels, source=folder.name)
    for data_set in [folder] if _input_files(folder) else _data_sets(folder):
        source = data_set.name
        tensors = [_read_tensor(file) for file in _input_files(data_set)]
        names = [name for name, _ in tensors]
        keys = {spec.name: columns.get(spec.name, spec.name) for spec in specs}
        if set(keys.values()) <= set(names):
            by_name = dict(tensors)
            arrays = {name: LazyArray.of(by_name[key]) for name, key in keys.items()}
        elif columns:
            expected = format_names(list(keys.values()))
            raise DataError(f"{source}: expected tensors {expected}, got {format_names(names)}; choose among these")
        elif len(tensors) == len(specs):
            arrays = {spec.name: LazyArray.of(array) for spec, (_, array) in zip(specs, tensors, strict=True)}
        else:
            raise DataError(
                f"{source}: expected a file for each input ({format_names([spec.name for spec in specs])}), "
                f"got {len(tensors)} with tensors {format_names(names)}; add the missing files"
            )
        yield from conform(arrays, specs, source=source)


def _input_files(folder: Path) -> list[Path]:
    return _sort_by_number(folder, INPUT_FILE)


def _data_sets(folder: Path) -> list[Path]:
    return [path for path in _sort_by_number(folder, DATA_SET_FOLDER) if path.is_dir()]


def _sort_by_number(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    found = [(int(match[1]), path) for path in folder.iterdir() if (match := pattern.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def _read_tensor(file: Path) -> tuple[str, Array]:
    source = f"{file.parent.name}/{file.name}"
    tensor = onnx.TensorProto()
    with open_file(file, source=source) as stream:
        stored = stream.read()
    try:
        tensor.ParseFromString(stored)
    except DecodeError as error:
        raise DataError(
            f"{source}: expected a protobuf tensor (onnx.TensorProto), got other bytes; save it again"
        ) from error
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise DataError(
            f"{source}: expected a tensor with its values, got one with values in another file, which is not read; "
            "save them in the tensor itself"
        )
    try:
        return tensor.name, numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        cause = str(error).splitlines()[0]
        raise DataError(f"{source}: expected a tensor, got a damaged one ({cause}); save it again") from error
