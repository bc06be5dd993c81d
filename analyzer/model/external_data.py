"""External data: find the files of weights stored outside the model file, all of them inside the model's folder."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from ..errors import ModelError, translate_errors


def allowed_folders(model: Path) -> tuple[Path, ...]:
    """The folder of a model file and, if the file is a link, the folder of the link's target.

    The cache of a model hub links the model and its weights into one folder of blobs.
    """
    return tuple(dict.fromkeys((model.parent.resolve(), model.resolve().parent)))


def resolve_external_data(proto: onnx.ModelProto, name: str, folders: Sequence[Path]) -> Path | None:
    """Check every tensor with external data, and replace its location by the real path of the file.

    A location that is a link is replaced by its target, so that later readers follow no links.

    Args:
        proto: the model; its external locations are changed.
        name: name of the model in messages.
        folders: folders its weights may be in; locations are relative to the first of them.

    Returns:
        The folder the locations are now relative to; None if no tensor has external data.

    Raises:
        ModelError: a file is missing, too short, or its location is not a plain path inside one of the folders.
    """
    found: dict[Path, list[tuple[Any, Path]]] = {}
    for tensor in find_external_tensors(proto):
        if not folders:
            raise ModelError(
                f"{name}: expected a path, as its weights are in other files, got the model alone; "
                "give the path of the model"
            )
        folder, real = translate_errors("check the weights of", name, partial(_locate, tensor, name, folders))
        found.setdefault(folder, []).append((tensor, real))
    if len(found) > 1:
        both = " and ".join(str(folder) for folder in found)
        raise ModelError(
            f"{name}: expected weights in one folder, got several folders ({both}); copy all of them next to the model"
        )
    for folder, tensors in found.items():
        for tensor, real in tensors:
            _set_location(tensor, real.relative_to(folder).as_posix())
    return next(iter(found), None)


def external_locations(message: Message) -> set[str]:
    """Names of the files of a message's external data, relative to the folder of the model."""
    entries = (entry for tensor in find_external_tensors(message) for entry in tensor.external_data)
    return {entry.value for entry in entries if entry.key == "location"}


def hash_files(files: Iterable[Path]) -> str:
    """One sha256 of the contents of several files, read in chunks; empty if there are none."""
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return hashlib.sha256("".join(digests).encode()).hexdigest() if digests else ""


def find_external_tensors(message: Message) -> Iterator[Any]:
    """Every tensor with external data anywhere in a message: initializers, attributes, bodies, functions and more."""
    if isinstance(message, onnx.TensorProto) and message.data_location == onnx.TensorProto.EXTERNAL:
        yield message
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in [value] if isinstance(value, Message) else value:
                yield from find_external_tensors(inner)


def _locate(tensor: Any, name: str, folders: Sequence[Path]) -> tuple[Path, Path]:
    """The allowed folder and the real path of a tensor's file, after all checks."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    weights = f"{name}, weights {tensor.name!r}"
    parts = Path(location)
    if not location or parts.is_absolute() or ".." in parts.parts or any(sign in location for sign in '\\:*?"<>|\0'):
        raise ModelError(
            f"{weights}: expected a plain path inside the folder of the model, got {location!r}; "
            "save the weights in that folder"
        )
    path = folders[0] / parts
    if not path.is_file():
        raise ModelError(f"{weights}: expected the file {location!r} next to the model, got none; copy it there")
    real = path.resolve()
    folder = next((folder for folder in folders if real.is_relative_to(folder)), None)
    if folder is None:
        raise ModelError(
            f"{weights}: expected a file inside the folder of the model, got {location!r}, a link to a file "
            "outside; copy the file there"
        )
    if real.stat().st_nlink > 1:
        raise ModelError(
            f"{weights}: expected a file with a single hard link, got {location!r} with several; copy the file"
        )
    offset, length = (_parse_bytes(entries.get(key, "0"), key, weights) for key in ("offset", "length"))
    needed = offset + max(length, math.ceil(math.prod(tensor.dims) * ir.DataType(tensor.data_type).itemsize))
    if needed > real.stat().st_size:
        raise ModelError(
            f"{weights}: expected {needed} bytes in {location!r}, got {real.stat().st_size}; save the weights again"
        )
    return folder, real


def _parse_bytes(text: str, key: str, weights: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ModelError(f"{weights}: expected a number of bytes as the {key}, got {text!r}; save the weights again")
    return int(text)


def _set_location(tensor: Any, location: str) -> None:
    for entry in tensor.external_data:
        if entry.key == "location":
            entry.value = location
