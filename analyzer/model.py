"""Load a model safely: from a path, bytes, a ModelProto, an onnx_ir.Model, or a torch module (exported)."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from onnx_ir.passes.common import InlinePass, ShapeInferencePass

from .errors import ModelError
from .passes.tidy import TidyPass
from .untrusted import touch


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model, our own copy: what was handed in is never changed.

    Args:
        ir: the graph, model-local functions inlined and shapes inferred as far as possible.
        name: what to call it in messages.
        sha256: of the file or the serialized model, external weights not included.
        folder: where its external weights lie; None if it has none.
    """

    ir: ir.Model
    name: str
    sha256: str
    folder: Path | None = None


Source = str | os.PathLike[str] | bytes | onnx.ModelProto | ir.Model
"""What a model can be given as; a torch module too, with example inputs."""


def load(source: Any, *, example_inputs: Any = None) -> Model:
    """Load a model and make it ready for analysis.

    External weights are only mapped, never read; they may not leave the folder of the model.

    Args:
        source: path, bytes, `onnx.ModelProto`, `onnx_ir.Model`, or a `torch.nn.Module`.
        example_inputs: arguments of the torch module's forward, to export it with (dynamo exporter).

    Raises:
        ModelError: the source is not a readable model, or points outside its folder.
    """
    raw = parse(source, example_inputs=example_inputs)
    return Model(touch("prepare", raw.name, lambda: _prepared(raw.ir)), raw.name, raw.sha256, raw.folder)


def parse(source: Any, *, example_inputs: Any = None) -> Model:
    """The model as it was written: nothing inlined, no shape inferred. Otherwise as `load`."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if not path.is_file():
            raise ModelError(f"no model at {path}: the file does not exist")
        return _from_bytes(path.read_bytes(), str(path), path.parent)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), "the model given as bytes", None)
    if isinstance(source, onnx.ModelProto):
        return _from_proto(source, "the given ModelProto", None, source.SerializeToString(deterministic=True))
    if isinstance(source, ir.Model):
        return _from_ir(source)
    if _is_torch_module(source):
        return _from_ir(_export(source, example_inputs))
    kind = type(source).__name__
    raise ModelError(f"a model is a path, bytes, a ModelProto, an onnx_ir.Model or a torch.nn.Module, not {kind}")


def _from_bytes(data: bytes, name: str, folder: Path | None) -> Model:
    proto = touch("read", name, lambda: onnx.ModelProto.FromString(data))
    if not proto.HasField("graph"):
        raise ModelError(f"cannot read {name}: it holds no graph, so it is not an ONNX model")
    return _from_proto(proto, name, folder, data)


def _from_proto(proto: onnx.ModelProto, name: str, folder: Path | None, data: bytes) -> Model:
    external = touch(
        "check", name, lambda: [t for t in _tensors(proto) if t.data_location == onnx.TensorProto.EXTERNAL]
    )
    if external and folder is None:
        raise ModelError(f"{name} keeps weights in other files; give the path of the model so that they can be found")
    for tensor in external:
        _check_external(tensor, name, folder or Path())
    model = touch("read", name, lambda: ir.from_proto(proto))
    if external and folder is not None:
        ir.external_data.set_base_dir(model.graph, folder)
    return Model(model, name, hashlib.sha256(data).hexdigest(), folder if external else None)


def _from_ir(model: ir.Model) -> Model:
    name = f"the given model {model.graph.name!r}"
    folders = {
        str(value.const_value.base_dir)
        for value in model.graph.initializers.values()
        if isinstance(value.const_value, ir.ExternalTensor)
    }
    if len(folders) > 1:
        raise ModelError(
            f"{name} keeps weights in several folders ({', '.join(sorted(folders))}); save it to one file first"
        )
    proto = touch("write", name, lambda: ir.to_proto(model))
    return _from_proto(
        proto, name, Path(folders.pop()) if folders else None, proto.SerializeToString(deterministic=True)
    )


def _prepared(model: ir.Model) -> ir.Model:
    if model.functions:
        InlinePass()(model)
    TidyPass()(model)
    ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)
    return model


def _tensors(message: Message) -> Iterator[Any]:
    """Every tensor anywhere in a message: initializers, attributes, sparse parts, bodies, functions, training info.

    On the way every text is checked to be text: invalid UTF-8 arrives as bytes.
    """
    if isinstance(message, onnx.TensorProto):
        yield message
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in [value] if isinstance(value, Message) else value:
                yield from _tensors(inner)
        elif field.type == FieldDescriptor.TYPE_STRING:
            for text in [value] if isinstance(value, str | bytes) else value:
                if isinstance(text, bytes):
                    raise ModelError(f"a {field.name} in the model is not text: {text[:40]!r}")


def _check_external(tensor: Any, name: str, folder: Path) -> None:
    """Refuse external data outside the folder of the model, whichever way it leads there."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    what = f"{name} keeps the weights of {tensor.name!r} in {location!r}"
    parts = Path(location)
    if not location or parts.is_absolute() or ".." in parts.parts or "\\" in location or ":" in location:
        raise ModelError(f"{what}, which is not a plain path inside the folder of the model; refused")
    path = folder / parts
    if not path.is_file():
        raise ModelError(f"{what}, which does not exist beside the model")
    real = path.resolve()
    homes = {folder.resolve(), _home_of(name, folder)}
    if not any(real.is_relative_to(home) for home in homes):
        raise ModelError(f"{what}, a link that leaves the folder of the model; refused: copy the file there")
    if real.stat().st_nlink > 1:
        raise ModelError(f"{what}, which has hard links from elsewhere; refused: copy the file")
    needed = int(entries.get("offset", 0)) + int(entries.get("length", 0))
    if needed > real.stat().st_size:
        raise ModelError(f"{what}, which has {real.stat().st_size} bytes; the model wants {needed}")


def _home_of(name: str, folder: Path) -> Path:
    """The folder a linked model file really lies in: a cache may link both the model and its weights."""
    path = Path(name)
    return path.resolve().parent if path.is_file() else folder.resolve()


def _is_torch_module(source: Any) -> bool:
    return any(cls.__module__.startswith("torch.nn") and cls.__name__ == "Module" for cls in type(source).__mro__)


def _export(module: Any, example_inputs: Any) -> ir.Model:
    import torch  # noqa: PLC0415, TID251 - the one place, for a module handed to us

    if example_inputs is None:
        raise ModelError("a torch module needs example inputs to be exported: pass example_inputs=(x,)")
    inputs = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    batch = torch.export.Dim("batch")
    shapes = tuple({0: batch} if isinstance(x, torch.Tensor) and x.dim() else None for x in inputs)
    program = torch.onnx.export(module, inputs, dynamo=True, dynamic_shapes=shapes, verbose=False)
    if program is None:
        raise ModelError("torch.onnx.export gave no model")
    return program.model
