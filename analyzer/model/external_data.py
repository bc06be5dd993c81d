"""Weights in other files: where they really lie, and that they may not leave the folder of their model."""

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


def homes_of(model: Path) -> tuple[Path, ...]:
    """The folder a model file lies in and, where the file is a link, the folder of what it leads to.

    The cache of a model hub links the model and its weights into one folder of blobs.
    """
    return tuple(dict.fromkeys((model.parent.resolve(), model.resolve().parent)))


def settle(proto: onnx.ModelProto, name: str, homes: Sequence[Path]) -> Path | None:
    """Check every tensor with external data, and write down where it really lies.

    A location that is a link becomes the file it leads to, so that nobody after us has to follow links again.

    Args:
        proto: the model; its external locations are changed.
        name: what to call the model in messages.
        homes: folders its weights may lie in; locations are relative to the first of them.

    Returns:
        The folder the locations are now relative to; None if no tensor has external data.

    Raises:
        ModelError: a file is missing, too short, or not plainly inside one of the folders.
    """
    found: dict[Path, list[tuple[Any, Path]]] = {}
    for tensor in external_tensors(proto):
        if not homes:
            raise ModelError(
                f"{name} keeps weights in other files; give the path of the model so that they can be found"
            )
        home, real = translate_errors("check the weights of", name, partial(_place, tensor, name, homes))
        found.setdefault(home, []).append((tensor, real))
    if len(found) > 1:
        both = " and ".join(str(home) for home in found)
        raise ModelError(f"{name} keeps weights in several folders ({both}); copy all of them beside the model")
    for home, tensors in found.items():
        for tensor, real in tensors:
            _set_location(tensor, real.relative_to(home).as_posix())
    return next(iter(found), None)


def locations(message: Message) -> set[str]:
    """Names of the files that hold tensors of a message, relative to the folder of their model."""
    entries = (entry for tensor in external_tensors(message) for entry in tensor.external_data)
    return {entry.value for entry in entries if entry.key == "location"}


def fingerprint(files: Iterable[Path]) -> str:
    """One sha256 of the contents of several files, read in pieces; empty if there are none."""
    digests = []
    for path in files:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return hashlib.sha256("".join(digests).encode()).hexdigest() if digests else ""


def external_tensors(message: Message) -> Iterator[Any]:
    """Every tensor with external data anywhere in a message: initializers, attributes, bodies, functions and more."""
    if isinstance(message, onnx.TensorProto) and message.data_location == onnx.TensorProto.EXTERNAL:
        yield message
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in [value] if isinstance(value, Message) else value:
                yield from external_tensors(inner)


def _place(tensor: Any, name: str, homes: Sequence[Path]) -> tuple[Path, Path]:
    """The home and the real path of the file of a tensor."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    what = f"{name} keeps the weights of {tensor.name!r} in {location!r}"
    parts = Path(location)
    if not location or parts.is_absolute() or ".." in parts.parts or any(sign in location for sign in '\\:*?"<>|\0'):
        raise ModelError(f"{what}, which is not a plain path inside the folder of the model; refused")
    path = homes[0] / parts
    if not path.is_file():
        raise ModelError(f"{what}, which does not exist beside the model")
    real = path.resolve()
    home = next((home for home in homes if real.is_relative_to(home)), None)
    if home is None:
        raise ModelError(f"{what}, a link that leaves the folder of the model; refused: copy the file there")
    if real.stat().st_nlink > 1:
        raise ModelError(f"{what}, which has hard links from elsewhere; refused: copy the file")
    offset, length = (_count(entries.get(key, "0"), key, what) for key in ("offset", "length"))
    needed = offset + max(length, math.ceil(math.prod(tensor.dims) * ir.DataType(tensor.data_type).itemsize))
    if needed > real.stat().st_size:
        raise ModelError(f"{what}, which has {real.stat().st_size} bytes; the model wants {needed}")
    return home, real


def _count(text: str, key: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ModelError(f"{what}, with the {key} {text!r}, which is no number of bytes; refused")
    return int(text)


def _set_location(tensor: Any, location: str) -> None:
    for entry in tensor.external_data:
        if entry.key == "location":
            entry.value = location
