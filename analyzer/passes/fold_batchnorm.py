"""Fold a batch normalization into the weights of the layer before it."""

from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..sites.graph_match import input_of, made_by, number_of, tensor_of

Array = NDArray[Any]
Doubles = NDArray[np.float64]
EPSILON = 1e-5
"""Epsilon of a batch normalization without that attribute."""


def affine_of(node: ir.Node | None) -> tuple[Doubles, Doubles] | None:
    """Return a batch normalization at inference as an affine function of each unit: y = gain x + offset.

    Thesis, section 4.2.3: gain = gamma / sqrt(var + epsilon), offset = beta - mean gain.

    Returns:
        Gain and offset, each (unit,); None if they vary, or if the other outputs of the normalization are read.
    """
    if node is None or node.op_type != "BatchNormalization" or node.domain:
        return None
    if number_of(node, "training_mode", 0) or not number_of(node, "spatial", 1):
        return None
    if any(out.uses() or out.is_graph_output() for out in node.outputs[1:]):
        return None
    numbers = [tensor_of(input_of(node, place)) for place in (1, 2, 3, 4)]
    if any(tensor is None for tensor in numbers):
        return None
    gamma, beta, mean, variance = (tensor.numpy().astype(np.float64) for tensor in numbers if tensor is not None)
    gain = gamma / np.sqrt(variance + number_of(node, "epsilon", EPSILON))
    return gain, beta - mean * gain


class FoldBatchNormPass(ir.passes.InPlacePass):
    """Replace a layer and its normalization by one layer: w' = w gain, b' = b gain + offset.

    Cases, each if only the normalization reads the layer's output and all parameters are constant:

    1. Conv or ConvTranspose, depthwise and grouped too, then the normalization.
    2. Gemm, then the normalization.
    3. MatMul, or MatMul and a bias added, then the normalization of a matrix: the bias is added after it.
    4. Anything else: nothing to do; the normalization stays.

    Weights and biases that other nodes share are copied, not changed. A second run changes nothing.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fold every normalization that can be."""
        modified = False
        for node in list(model.graph):
            affine = affine_of(node)
            x = node.inputs[0] if affine is not None else None
            if affine is None or x is None or not _read_once(x):
                continue
            modified |= _fold_layer(model.graph, node, x, *affine) or _fold_matmul(model.graph, node, x, *affine)
        return ir.passes.PassResult(model, modified=modified)


def _fold_layer(graph: ir.Graph, node: ir.Node, x: ir.Value, gain: Doubles, offset: Doubles) -> bool:
    """Cases 1 and 2: the layer has an input for the bias."""
    layer = made_by(x, "Conv", "ConvTranspose", "Gemm")
    w = _array(input_of(layer, 1)) if layer is not None else None
    if layer is None or w is None:
        return False
    units = len(gain)
    bias_value = input_of(layer, 2)
    bias = np.zeros(units) if bias_value is None else _array(bias_value)
    if bias is None:
        return False
    if not _is_row(bias, units):
        return False
    gained = w * _along_units(layer, w, gain)
    shifted = number_of(layer, "beta", 1.0) * bias.reshape(-1) * gain + offset
    layer.attributes.pop("beta", None)
    prefix = f"{node.outputs[0].name}.folded"
    layer.resize_inputs(3)
    layer.replace_input_with(1, _constant(graph, f"{prefix}.weight", gained.astype(w.dtype)))
    layer.replace_input_with(2, _constant(graph, f"{prefix}.bias", shifted.astype(w.dtype)))
    _replace_node(graph, node, x)
    return True


def _fold_matmul(graph: ir.Graph, node: ir.Node, x: ir.Value, gain: Doubles, offset: Doubles) -> bool:
    """Case 3: the bias is added by another node, or there is none."""
    if x.shape is None or len(x.shape) != 2:
        return False
    product, bias, adding = made_by(x, "MatMul"), np.zeros(1), made_by(x, "Add")
    if adding is not None:
        for value, other in (adding.inputs, adding.inputs[::-1]):
            found = _array(other)
            if found is not None and value is not None and _read_once(value) and made_by(value, "MatMul"):
                product, bias = made_by(value, "MatMul"), found
    w = _array(input_of(product, 1)) if product is not None else None
    if product is None or w is None or w.ndim != 2 or not _is_row(bias, len(gain)):
        return False
    prefix = f"{node.outputs[0].name}.folded"
    product.replace_input_with(1, _constant(graph, f"{prefix}.weight", (w * gain).astype(w.dtype)))
    total = (bias.reshape(-1) * gain + offset).astype(w.dtype)
    new = ir.node("Add", inputs=[product.outputs[0], _constant(graph, f"{prefix}.bias", total)])
    node.append(new)
    _replace_node(graph, node, new.outputs[0])
    if adding is not None:
        graph.remove(adding, safe=True)
    return True


def _along_units(layer: ir.Node, w: Array, gain: Array) -> Array:
    """Return the gains in a shape that broadcasts to the weights of each output channel."""
    if layer.op_type == "Gemm":
        return gain[:, None] if number_of(layer, "transB", 0) else gain
    if layer.op_type == "Conv":
        return gain.reshape(-1, *[1] * (w.ndim - 1))
    groups = int(number_of(layer, "group", 1))
    by_group = np.repeat(gain.reshape(groups, -1), w.shape[0] // groups, axis=0)
    return by_group.reshape(*by_group.shape, *[1] * (w.ndim - 2))


def _is_row(bias: Array, units: int) -> bool:
    """Whether the bias is one number for each unit, or one for all, the same for every sample."""
    return bias.size in {1, units} and (bias.ndim == 0 or (bias.ndim <= 2 and bias.shape[-1] == bias.size))


def _read_once(value: ir.Value) -> bool:
    return len(value.uses()) == 1 and not value.is_graph_output()


def _array(value: ir.Value | None) -> Array | None:
    tensor = tensor_of(value)
    return None if tensor is None else tensor.numpy()


def _constant(graph: ir.Graph, name: str, array: Array) -> ir.Value:
    tensor = ir.tensor(array, name=name)
    value = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(array.shape), const_value=tensor)
    graph.register_initializer(value)
    return value


def _replace_node(graph: ir.Graph, node: ir.Node, new: ir.Value) -> None:
    """Make all readers of the normalization read the new value, under the old name, and remove the node."""
    old = node.outputs[0]
    new.type, new.shape = old.type or new.type, old.shape or new.shape
    old.replace_all_uses_with(new, replace_graph_outputs=True)
    new.name, old.name = old.name, None
    graph.remove(node, safe=True)
