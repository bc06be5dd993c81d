"""The model in float as targets are sought in it: a new enough opset, plain weights, pruned, normalizations folded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from .targets import MULTIPLIERS, name_of

_SMALL = 1024  # bytes


def raise_opset(model: ir.Model, name: str) -> ir.Model:
    """The same model in opset 12 if it is older, else the model itself.

    Functions of a model share its opset, and before 12 the operators lack types that ours need. Weights do not take
    part: they are handed over as inputs and put back, so that none is copied or read. Small constants do, and are read:
    the meaning of an operator may depend on them.

    Raises:
        ModelError: onnx has no conversion for an operator of the model.
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


_SHAPING = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})


class PlainWeightsPass(ir.passes.InPlacePass):
    """Compute what only reshapes, transposes or casts constants, so that a layer reads its weights as they are.

    Cases:

    1. A node of these types all of whose inputs are constant: its output becomes an initializer.
    2. It makes an output of the graph: left as it is.

    Nodes are taken in their order, so a chain of them is computed from its start. A second run changes nothing.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Compute them."""
        graph, opset, modified = model.graph, model.opset_imports[""], False
        for node in list(graph):
            if node.op_type not in _SHAPING or node.domain or node.outputs[0].is_graph_output():
                continue
            tensors = [tensor_of(value) for value in node.inputs if value is not None]
            if not tensors or any(tensor is None for tensor in tensors):
                continue
            old = node.outputs[0]
            name = str(old.name)
            array = translate_errors("compute the weights", repr(name), partial(_computed, node, opset))
            tensor = ir.tensor(array, name=name)
            new = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(array.shape), const_value=tensor)
            old.replace_all_uses_with(new)
            graph.remove(node, safe=True)
            graph.register_initializer(new)
            modified = True
        return ir.passes.PassResult(model, modified=modified)


def _computed(node: ir.Node, opset: int) -> NDArray[Any]:
    """The output of a node with constant inputs, in a model of its own."""
    feed = {str(value.name): tensor.numpy() for value in node.inputs if value and (tensor := tensor_of(value))}
    made = str(node.outputs[0].name)
    values = {name: onnx.helper.make_empty_tensor_value_info(name) for name in (*feed, made)}
    graph = onnx.helper.make_graph([ir.to_proto(node)], "lone", [values[name] for name in feed], [values[made]])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    return np.asarray(ReferenceEvaluator(model).run([made], feed)[0])  # type: ignore[index]


@dataclass(frozen=True)
class Pruning:
    """What to prune; the options of `rewrite` of the same names.

    Args:
        share: of the weights.
        over: "tensor" or "model".
        exclude: names of nodes whose weights stay, or patterns of names.
    """

    share: float
    over: str
    exclude: Sequence[str]


def plain(source: Any, pruning: Pruning) -> Model:
    """The model in float that is rewritten, its own copy.

    Weights are pruned before normalizations are folded into them, as the authors' program masks them.

    Raises:
        ModelError: the model cannot be read, or is rewritten already.
    """
    if DOMAIN in parse(source).ir.opset_imports:
        raise ModelError("the model is rewritten already; rewrite the float model it was made from")
    loaded = load(source)
    RemoveInitializersFromInputsPass()(loaded.ir)
    model = raise_opset(loaded.ir, loaded.name)
    for node in model.graph:
        if node.op_type in MULTIPLIERS:
            node.name = name_of(node)  # folding must not change what patterns are compared with
    PlainWeightsPass()(model)
    if pruning.share:
        PrunePass(
            share=pruning.share,
            over=pruning.over,
            chosen=lambda node: not any(fnmatchcase(name_of(node), pattern) for pattern in pruning.exclude),
        )(model)
    FoldBatchNormPass()(model)
    ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)
    return replace(loaded, ir=model)
