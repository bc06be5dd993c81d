"""Load a model safely: from a path, bytes, a ModelProto, an onnx_ir.Model, or a torch module (exported)."""

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from onnx_ir.passes.common import InlinePass, ShapeInferencePass, TopologicalSortPass

from ..errors import ModelError, translate_errors
from ..passes.tidy import TidyPass
from .external_data import homes_of, locations, settle
from .ssa import check_ssa

# A failed shape inference is only logged there, with its traceback: no news for users, who may still configure logging.
logging.getLogger("onnx_ir").addHandler(logging.NullHandler())


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model, our own copy: what was handed in is never changed.

    Args:
        ir: the graph, model-local functions inlined and shapes inferred as far as possible.
        name: what to call it in messages.
        sha256: of the file or the serialized model; see `weights` for what lies elsewhere.
        folder: where its external weights lie; None if it has none.
        weights: the files that hold them.
    """

    ir: ir.Model
    name: str
    sha256: str
    folder: Path | None = None
    weights: tuple[Path, ...] = ()


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
    return replace(raw, ir=translate_errors("prepare", raw.name, lambda: _prepared(raw)))


def parse(source: Any, *, example_inputs: Any = None) -> Model:
    """The model as it was written: nothing inlined, no shape inferred. Otherwise as `load`."""
    if isinstance(source, str | os.PathLike):
        return _from_path(Path(source))
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), "the model given as bytes", ())
    if isinstance(source, onnx.ModelProto):
        name = "the given ModelProto"
        return _from_bytes(
            translate_errors("copy", name, lambda: source.SerializeToString(deterministic=True)), name, ()
        )
    if isinstance(source, ir.Model):
        return _from_ir(source)
    if _is_torch_module(source):
        return _from_ir(_export(source, example_inputs))
    kind = type(source).__name__
    raise ModelError(f"a model is a path, bytes, a ModelProto, an onnx_ir.Model or a torch.nn.Module, not {kind}")


def _from_path(path: Path) -> Model:
    if translate_errors("find", str(path), path.is_dir):
        raise ModelError(f"no model at {path}: it is a folder; name the .onnx file in it")
    if not path.is_file():
        raise ModelError(f"no model at {path}: the file does not exist")
    return _from_bytes(translate_errors("read", str(path), path.read_bytes), str(path), homes_of(path))


def _from_bytes(data: bytes, name: str, homes: Sequence[Path]) -> Model:
    proto = translate_errors("read", name, lambda: onnx.ModelProto.FromString(data))
    if not proto.HasField("graph"):
        raise ModelError(f"cannot read {name}: it holds no graph, so it is not an ONNX model")
    return _from_proto(proto, name, homes, data)


def _from_proto(proto: onnx.ModelProto, name: str, homes: Sequence[Path], data: bytes) -> Model:
    translate_errors("check", name, lambda: _check_text(proto))
    translate_errors("check", name, lambda: check_ssa(proto, name))
    folder = settle(proto, name, homes)
    model = translate_errors("read", name, lambda: ir.from_proto(proto))
    if folder is not None:
        ir.external_data.set_base_dir(model.graph, folder)
    weights = tuple(folder / location for location in sorted(locations(proto))) if folder is not None else ()
    return Model(model, name, hashlib.sha256(data).hexdigest(), folder, weights)


def _from_ir(model: ir.Model) -> Model:
    name = f"the given model {model.graph.name!r}"
    folders = {
        str(value.const_value.base_dir)
        for graph in model.graphs()
        for value in graph.initializers.values()
        if isinstance(value.const_value, ir.ExternalTensor)
    }
    if len(folders) > 1:
        raise ModelError(
            f"{name} keeps weights in several folders ({', '.join(sorted(folders))}); save it to one file first"
        )
    proto = translate_errors("write", name, lambda: ir.to_proto(model))
    homes = [Path(folder).resolve() for folder in folders]
    return _from_proto(proto, name, homes, proto.SerializeToString(deterministic=True))


def _prepared(raw: Model) -> ir.Model:
    model = raw.ir
    TidyPass()(model)
    if model.functions:
        InlinePass()(model)
        if raw.folder is not None:
            ir.external_data.set_base_dir(model.graph, raw.folder)
    TopologicalSortPass()(model)
    ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)
    return model


def _check_text(message: Message) -> None:
    """Check that every text in a message is text: invalid UTF-8 arrives as bytes."""
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in [value] if isinstance(value, Message) else value:
                _check_text(inner)
        elif field.type == FieldDescriptor.TYPE_STRING:
            for text in [value] if isinstance(value, str | bytes) else value:
                if isinstance(text, bytes):
                    raise ModelError(f"the {field.full_name} {text[:40]!r} in the model is not text (not UTF-8)")


def _is_torch_module(source: Any) -> bool:
    return any(cls.__module__.startswith("torch.nn") and cls.__name__ == "Module" for cls in type(source).__mro__)


def _export(module: Any, example_inputs: Any) -> ir.Model:
    """The module as it runs at inference, its first axes dynamic; its training flags are as before afterwards."""
    import torch  # noqa: PLC0415, TID251 - the one place, for a module handed to us

    if example_inputs is None:
        raise ModelError("a torch module needs example inputs to be exported: pass example_inputs=(x,)")
    inputs = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    batch = torch.export.Dim("batch")
    shapes = tuple({0: batch} if isinstance(x, torch.Tensor) and x.dim() else None for x in inputs)
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        program = translate_errors(
            "export",
            f"the torch module {type(module).__name__}",
            lambda: torch.onnx.export(module, inputs, dynamo=True, dynamic_shapes=shapes, verbose=False),
        )
    finally:
        for part in training:
            part.training = True
    if program is None:
        raise ModelError("torch.onnx.export gave no model")
    return program.model
