"""Prepare a float model for rewriting: a new enough opset, constant weights, pruning, folded normalizations."""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray
from onnx import version_converter
from onnx.reference import ReferenceEvaluator
from onnx_ir.passes.common import RemoveInitializersFromInputsPass, ShapeInferencePass

from ....analyzer.errors import ModelError, translate_errors
from ....analyzer.model.loading import Model, load, parse
from ....analyzer.passes.fold_batchnorm import FoldBatchNormPass
from ....analyzer.sites.graph_match import tensor_of
from ..ops.operators import DOMAIN, FIRST_IR_VERSION, OLDEST_OPSET
from .prune import PrunePass
from .targets import MULTIPLIERS, node_name

_SMALL = 1024  # bytes
_RESHAPING = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})


def prepare_float_model(
    source: Any, *, prune: float = 0.0, prune_over: str = "tensor", exclude: Sequence[str] = ()
) -> Model:
    """Load a model and prepare a copy in which `find_targets` finds the layers to rewrite.

    Weights are pruned before normalizations are folded into them, as in the authors' program.

    Args:
        source: as `relucid.analyze` accepts it; it is not changed.
        prune: share of the weights to prune.
        prune_over: "tensor" or "model".
        exclude: names or patterns of names of nodes whose weights are not pruned.

    Raises:
        ModelError: the model cannot be read, or is rewritten already.
    """
    if DOMAIN in parse(source).ir.opset_imports:
        raise ModelError("expected a float model, got one that is rewritten already; pass the model it was made from")
    loaded = load(source)
    RemoveInitializersFromInputsPass()(loaded.ir)
    model = raise_opset(loaded.ir, loaded.name)
    for node in model.graph:
        if node.op_type in MULTIPLIERS:
            node.name = node_name(node)  # patterns are compared with the names before folding
    FoldWeightsPass()(model)
    if prune:
        PrunePass(
            share=prune,
            over=prune_over,
            selects=lambda node: not any(fnmatchcase(node_name(node), pattern) for pattern in exclude),
        )(model)
    FoldBatchNormPass()(model)
    ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)
    return replace(loaded, ir=model)


def raise_opset(model: ir.Model, name: str) -> ir.Model:
    """Convert a model older than opset 12 to opset 12; return any other model itself.

    Functions of a model share its opset, and before 12 the operators lack types that ours need. Large weights are
    turned into inputs for the conversion and restored afterwards, so that they are neither copied nor read. Small
    constants are converted with the model, since the meaning of an operator may depend on them.

    Raises:
        ModelError: onnx cannot convert an operator of the model.
    """
    if model.opset_imports[""] >= OLDEST_OPSET:
        return model
    bare = model.clone()
    bare.ir_version = max(bare.ir_version, FIRST_IR_VERSION)  # in the oldest files every initializer is an input
    weights = {}
    for key, value in list(bare.graph.initializers.items()):
        if value.const_value is not None and value.const_value.nbytes > _SMALL:
            weights[key] = value.const_value
            del bare.graph.initializers[key]
            value.const_value = None
            bare.graph.inputs.append(value)
        elif value.const_value is not None:
            value.const_value = ir.tensor(value.const_value.numpy(), name=key)
    proto = translate_errors(
        "raise the opset of", name, lambda: version_converter.convert_version(ir.to_proto(bare), OLDEST_OPSET)
    )
    raised = ir.from_proto(proto)
    inputs = list(raised.graph.inputs)
    raised.graph.inputs.clear()
    for value in inputs:
        if value.name in weights:
            value.const_value = weights[value.name]
            raised.graph.register_initializer(value)
        else:
            raised.graph.inputs.append(value)
    return raised


class FoldWeightsPass(ir.passes.InPlacePass):
    """Evaluate nodes that only reshape, transpose or cast constants, so that layers read their weights directly.

    Cases:

    1. A node of these types whose inputs are all constant: its output becomes an initializer.
    2. Its output is an output of the graph: not changed.

    Nodes are visited in graph order, so chains are evaluated from their start. A second run changes nothing.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Evaluate the nodes."""
        graph, opset, modified = model.graph, model.opset_imports[""], False
        for node in list(graph):
            if node.op_type not in _RESHAPING or node.domain or node.outputs[0].is_graph_output():
                continue
            tensors = [tensor_of(value) for value in node.inputs if value is not None]
            if not tensors or any(tensor is None for tensor in tensors):
                continue
            old = node.outputs[0]
            name = str(old.name)
            array = translate_errors("compute the weights", repr(name), partial(_evaluate, node, opset))
            tensor = ir.tensor(array, name=name)
            new = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(array.shape), const_value=tensor)
            old.replace_all_uses_with(new)
            graph.remove(node, safe=True)
            graph.register_initializer(new)
            modified = True
        return ir.passes.PassResult(model, modified=modified)


def _evaluate(node: ir.Node, opset: int) -> NDArray[Any]:
    """The output of a node with constant inputs, evaluated as a model of this node only."""
    feed = {str(value.name): tensor.numpy() for value in node.inputs if value and (tensor := tensor_of(value))}
    output = str(node.outputs[0].name)
    values = {name: onnx.helper.make_empty_tensor_value_info(name) for name in (*feed, output)}
    graph = onnx.helper.make_graph([ir.to_proto(node)], "lone", [values[name] for name in feed], [values[output]])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    return np.asarray(ReferenceEvaluator(model).run([output], feed)[0])  # type: ignore[index]
