"""A folder of `test_data_set_*` as ONNX models ship them: one protobuf tensor a file, one file for each input."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from ..errors import DataError
from .batch import Array, Feed
from .input_spec import InputSpec, check_nameless, listed
from .rows import Held
from .validation import conform, open_file

INPUT = re.compile(r"input_(\d+)\.pb")


def is_protobuf_folder(folder: Path) -> bool:
    """Whether the folder is a test data set or holds some."""
    return bool(_inputs(folder) or _sets(folder))


def read_protobufs(
    folder: Path, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None
) -> Iterator[Feed]:
    """Feeds of each data set in turn, by number.

    A tensor goes to the input that has its name, or that `columns` gives it to; if the names in the files are not the
    model's, input_0.pb goes to the first input and so on.

    Args:
        folder: holds test_data_set_0, test_data_set_1 ..., or input_0.pb, input_1.pb ... itself.
        specs: the model's inputs, in the model's order.
        columns: tensor names the user chose, by input.
        labels: must be None: the files hold none.

    Raises:
        DataError: a file is not a tensor, keeps its values in another file, is missing, or does not fit its input.
    """
    check_nameless(columns={}, labels=labels, source=folder.name)
    for data_set in [folder] if _inputs(folder) else _sets(folder):
        source = data_set.name
        files = _inputs(data_set)
        tensors = [_tensor(file) for file in files]
        names = [name for name, _ in tensors]
        keys = {spec.name: columns.get(spec.name, spec.name) for spec in specs}
        if set(keys.values()) <= set(names):
            by_name = dict(tensors)
            rows = {name: Held(by_name[key]) for name, key in keys.items()}
        elif columns:
            raise DataError(f"{source}: inputs want tensors {listed(list(keys.values()))}, came {listed(names)}")
        elif len(tensors) == len(specs):
            rows = {spec.name: Held(array) for spec, (_, array) in zip(specs, tensors, strict=True)}
        else:
            raise DataError(
                f"{source}: the model wants {len(specs)} inputs ({listed([spec.name for spec in specs])}), "
                f"came {len(tensors)} files with tensors {listed(names)}"
            )
        yield from conform(rows, specs, source=source)


def _inputs(folder: Path) -> list[Path]:
    return _numbered(folder, INPUT)


def _sets(folder: Path) -> list[Path]:
    return [path for path in _numbered(folder, re.compile(r"test_data_set_(\d+)")) if path.is_dir()]


def _numbered(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    found = [(int(match[1]), path) for path in folder.iterdir() if (match := pattern.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def _tensor(file: Path) -> tuple[str, Array]:
    source = f"{file.parent.name}/{file.name}"
    tensor = onnx.TensorProto()
    with open_file(file, source=source) as stream:
        stored = stream.read()
    try:
        tensor.ParseFromString(stored)
    except DecodeError as error:
        raise DataError(f"{source}: wants a protobuf tensor (onnx.TensorProto), came something else") from error
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise DataError(
            f"{source}: keeps its values in another file, which is not read; save them in the tensor itself"
        )
    try:
        return tensor.name, numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{source}: damaged tensor ({str(error).splitlines()[0]})") from error
