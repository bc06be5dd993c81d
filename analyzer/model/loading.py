"""Load and check a model: from a path, bytes, a ModelProto, an onnx_ir.Model, or a torch module (exported)."""

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
from .external_data import allowed_folders, external_locations, resolve_external_data
from .ssa import check_ssa

# onnx_ir logs a failed shape inference with its traceback; hidden by default, users may still configure its logger.
logging.getLogger("onnx_ir").addHandler(logging.NullHandler())


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model; a copy, so the source is never changed.

    Args:
        ir: the graph, model-local functions inlined and shapes inferred as far as possible.
        name: its name in messages.
        sha256: hash of the file or the serialized model, without the files in `weights`.
        folder: folder of its external weights; None if it has none.
        weights: the files of its external weights.
    """

    ir: ir.Model
    name: str
    sha256: str
    folder: Path | None = None
    weights: tuple[Path, ...] = ()


Source = str | os.PathLike[str] | bytes | onnx.ModelProto | ir.Model
"""Types `load` accepts; it accepts a torch module too, with example inputs."""


def load(source: Any, *, example_inputs: Any = None) -> Model:
    """Load a model and prepare it for analysis: functions inlined, nodes sorted, shapes inferred.

    External weights are memory-mapped, never read; they must be inside the folder of the model.

    Args:
        source: path, bytes, `onnx.ModelProto`, `onnx_ir.Model`, or a `torch.nn.Module`.
        example_inputs: arguments of the torch module's forward, for the export (dynamo exporter).

    Raises:
        ModelError: the source is not a readable model, or refers to files outside its folder.
    """
    raw = parse(source, example_inputs=example_inputs)
    return replace(raw, ir=translate_errors("prepare", raw.name, lambda: _prepare(raw)))


def parse(source: Any, *, example_inputs: Any = None) -> Model:
    """Load a model as it is stored: nothing inlined, no shape inferred. Otherwise as `load`."""
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
    raise ModelError(
        f"expected a path, bytes, a ModelProto, an onnx_ir.Model or a torch.nn.Module, got {kind}; export it to ONNX"
    )


def _from_path(path: Path) -> Model:
    if translate_errors("find", str(path), path.is_dir):
        raise ModelError(f"expected an ONNX model, got the folder {path}; give the .onnx file in it")
    if not path.is_file():
        raise ModelError(f"expected an ONNX model, got no such file: {path}; check the path")
    return _from_bytes(translate_errors("read", str(path), path.read_bytes), str(path), allowed_folders(path))


def _from_bytes(data: bytes, name: str, folders: Sequence[Path]) -> Model:
    proto = translate_errors("read", name, lambda: onnx.ModelProto.FromString(data))
    if not proto.HasField("graph"):
        raise ModelError(f"cannot read {name}: expected an ONNX model, got data without a graph; export it again")
    return _from_proto(proto, name, folders, data)


def _from_proto(proto: onnx.ModelProto, name: str, folders: Sequence[Path], data: bytes) -> Model:
    translate_errors("check", name, lambda: _check_text(proto))
    translate_errors("check", name, lambda: check_ssa(proto, name))
    folder = resolve_external_data(proto, name, folders)
    model = translate_errors("read", name, lambda: ir.from_proto(proto))
    if folder is not None:
        ir.external_data.set_base_dir(model.graph, folder)
    weights = tuple(folder / location for location in sorted(external_locations(proto))) if folder is not None else ()
    return Model(model, name, hashlib.sha256(data).hexdigest(), folder, weights)


def _from_ir(model: ir.Model) -> Model:
    name = f"the given model {model.graph.name!r}"
    bases = {
        str(value.const_value.base_dir)
        for graph in model.graphs()
        for value in graph.initializers.values()
        if isinstance(value.const_value, ir.ExternalTensor)
    }
    if len(bases) > 1:
        raise ModelError(
            f"{name}: expected weights in one folder, got several folders ({', '.join(sorted(bases))}); "
            "save the model to one file first"
        )
    proto = translate_errors("write", name, lambda: ir.to_proto(model))
    folders = [Path(base).resolve() for base in bases]
    return _from_proto(proto, name, folders, proto.SerializeToString(deterministic=True))


def _prepare(raw: Model) -> ir.Model:
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
    """Check that every string field of a message is text: protobuf returns invalid UTF-8 as bytes."""
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in [value] if isinstance(value, Message) else value:
                _check_text(inner)
        elif field.type == FieldDescriptor.TYPE_STRING:
            for text in [value] if isinstance(value, str | bytes) else value:
                if isinstance(text, bytes):
                    raise ModelError(
                        f"expected UTF-8 in {field.full_name}, got {text[:40]!r}, which is not text; export it again"
                    )


def _is_torch_module(source: Any) -> bool:
    return any(cls.__module__.startswith("torch.nn") and cls.__name__ == "Module" for cls in type(source).__mro__)


def _export(module: Any, example_inputs: Any) -> ir.Model:
    """Export the module in evaluation mode with dynamic batch axes, and restore its training flags."""
    import torch  # noqa: PLC0415, TID251 - the analyzer's only import of torch

    if example_inputs is None:
        raise ModelError("expected example inputs to export the torch module, got none; pass example_inputs=(x,)")
    inputs = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    batch = torch.export.Dim("batch")
    shapes = tuple({0: batch} if isinstance(x, torch.Tensor) and x.dim() else None for x in inputs)
    training = [submodule for submodule in module.modules() if submodule.training]
    module.eval()
    try:
        program = translate_errors(
            "export",
            f"the torch module {type(module).__name__}",
            lambda: torch.onnx.export(module, inputs, dynamo=True, dynamic_shapes=shapes, verbose=False),
        )
    finally:
        for submodule in training:
            submodule.training = True
    if program is None:
        raise ModelError("expected a model from torch.onnx.export, got none; export it to a file and load that")
    return program.model
