"""Find the nodes of a graph that become PSB operators, and those that remain in float, with the reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.passes.fold_batchnorm import affine_of
from ....analyzer.sites.graph_match import input_of, number_of, tensor_of
from ..layer import Layer, WeightFormat
from .constants import array_of

Array = NDArray[np.float64]

_MOST_STEPS = 2**30
_GEOMETRY = frozenset({"strides", "pads", "dilations", "auto_pad", "output_padding", "output_shape"})


@dataclass(frozen=True, eq=False)
class Target:
    """A node to rewrite, with its weights in the order of `Layer`.

    Args:
        name: of the node.
        kind: Conv, ConvTranspose, MatMul or Scale.
        nodes: the nodes it replaces: the node, and an Add of a constant bias if one follows.
        x: its input.
        y: its output.
        weights: the table of weights.
        bias: in the shape of `Layer.bias`, in the unit of y.
        geometry: as in `Layer`.
        transposed: whether x has to be transposed first (transA of a Gemm).
    """

    name: str
    kind: str
    nodes: tuple[ir.Node, ...]
    x: ir.Value
    y: ir.Value
    weights: Array
    bias: Array
    geometry: Mapping[str, Any] = field(default_factory=dict)
    transposed: bool = False


@dataclass(frozen=True)
class FloatNode:
    """A node that multiplies by weights and remains in float.

    Args:
        name: of the node.
        op_type: its operator.
        reason: why it is not rewritten.
    """

    name: str
    op_type: str
    reason: str


def find_targets(graph: ir.Graph) -> tuple[list[Target], list[FloatNode]]:
    """Find all nodes that multiply by weights, in graph order: those to rewrite, and those that remain in float."""
    targets, left = [], []
    for node in graph.all_nodes():
        if node.op_type in MULTIPLIERS and node.domain in {"", "com.microsoft"}:
            found = _read_target(node) if node.graph is graph else "it is inside the body of an If, Loop or Scan"
            if isinstance(found, Target):
                targets.append(_absorb_bias(found))
            else:
                left.append(FloatNode(node_name(node), node.op_type, found))
    return targets, left


def binarize(
    target: Target,
    weight_format: WeightFormat,
    *,
    number: int,
    fraction_in: int,
    fraction_out: int,
    samples: int | None = None,
) -> Layer:
    """Convert a target to a layer: quantize its weights and its bias.

    Args:
        target: its weights and bias.
        weight_format: how weights are stored.
        number: index of the layer in the model.
        fraction_in: number of fraction bits of its input.
        fraction_out: number of fraction bits of its output.
        samples: number of samples of this layer only; None: that of the model.
    """
    return Layer(
        name=target.name,
        kind=target.kind,
        number=number,
        weights=weight_format.pack(target.weights),
        shape=target.weights.shape,
        bias=quantize_bias(target.bias, fraction=fraction_out),
        fraction_in=fraction_in,
        fraction_out=fraction_out,
        geometry=target.geometry,
        per_image=weight_format.per_image,
        samples=samples,
    )


def quantize_bias(bias: Array, *, fraction: int) -> NDArray[np.int32]:
    """Round a bias to multiples of 2^-f, with more bits than an activation; 2^30 steps saturate any sum.

    >>> quantize_bias(np.array([0.5, -100.0]), fraction=10).tolist()
    [512, -102400]
    """
    return np.clip(np.rint(np.ldexp(bias, fraction)), -_MOST_STEPS, _MOST_STEPS).astype(np.int32)


def node_name(node: ir.Node) -> str:
    """The name of a node; if it has none, the name of its output."""
    return node.name or node.outputs[0].name or node.op_type


def _read_target(node: ir.Node) -> Target | str:
    """The target of a node, or the reason why it remains in float."""
    read = _READERS.get(node.op_type) if not node.domain else None
    if read is None:
        return "its operator has no PSB form"
    if node.op_type == "BatchNormalization":
        return read(node)
    weights = tensor_of(input_of(node, 1))
    if weights is None:
        return "its weights are not constant"
    if weights.dtype != ir.DataType.FLOAT:
        return f"its weights are {weights.dtype.name.lower()}, not float32"
    if input_of(node, 2) is not None and tensor_of(input_of(node, 2)) is None:
        return "its bias is not constant"
    return read(node)


def _read_convolution(node: ir.Node) -> Target | str:
    w = _input_array(node, 1)
    groups, taps = int(number_of(node, "group", 1)), prod(w.shape[2:])
    by_group = w.reshape(groups, -1, w.shape[1], taps)
    by_tap = by_group.transpose(0, 3, 2, 1) if node.op_type == "Conv" else by_group.transpose(0, 3, 1, 2)
    table = by_tap.reshape(groups, -1, by_tap.shape[-1])
    bias = np.zeros(1) if input_of(node, 2) is None else _input_array(node, 2)
    geometry = {name: attr.value for name, attr in node.attributes.items() if name in _GEOMETRY}
    geometry["kernel_shape"] = list(w.shape[2:])
    return _build_target(node, node.op_type, table, np.broadcast_to(bias, groups * table.shape[2]), geometry=geometry)


def _read_gemm(node: ir.Node) -> Target | str:
    w = _input_array(node, 1).T if number_of(node, "transB", 0) else _input_array(node, 1)
    bias = np.zeros(1) if input_of(node, 2) is None else _input_array(node, 2) * number_of(node, "beta", 1.0)
    if bias.size not in {1, w.shape[1]} or bias.shape[-1:] not in {(), (bias.size,)}:
        return "its bias is not the same for every row"
    weights = w * number_of(node, "alpha", 1.0)
    target = _build_target(node, "MatMul", weights, np.broadcast_to(bias.reshape(-1), w.shape[1]))
    return replace(target, transposed=bool(number_of(node, "transA", 0))) if isinstance(target, Target) else target


def _read_matmul(node: ir.Node) -> Target | str:
    w = _input_array(node, 1)
    x = node.inputs[0]
    if w.ndim != 2:
        return f"its weights have {w.ndim} axes, not 2"
    if x is None or x.shape is None or len(x.shape) < 2:
        return "its input has fewer than 2 axes, or its shape is unknown"
    return _build_target(node, "MatMul", w, np.zeros(w.shape[1]))


def _read_normalization(node: ir.Node) -> Target | str:
    affine = affine_of(node)
    if affine is None:
        return "its parameters are not constant, or it is in training mode"
    gain, offset = affine
    return _build_target(node, "Scale", gain[None], offset)


def _build_target(
    node: ir.Node, kind: str, weights: NDArray[Any], bias: Array, *, geometry: Mapping[str, Any] | None = None
) -> Target | str:
    """The target, with its bias in the shape that `Layer` has for its kind."""
    x = node.inputs[0]
    if x is None or x.dtype not in {None, ir.DataType.FLOAT}:
        return "its input is not float32"
    shape = {"MatMul": (-1,), "Scale": (-1, 1)}.get(kind, (len(weights), 1, -1))
    return Target(node_name(node), kind, (node,), x, node.outputs[0], weights, bias.reshape(shape), geometry or {})


def _absorb_bias(target: Target) -> Target:
    """The target including an Add of one constant per unit, if that is the only reader of its output."""
    uses = list(target.y.uses())
    if len(uses) != 1 or target.y.is_graph_output() or uses[0].node.op_type != "Add" or uses[0].node.domain:
        return target
    node = uses[0].node
    other = tensor_of(node.inputs[1 - uses[0].idx])
    rank = 2 + len(target.geometry.get("kernel_shape", ())) if target.kind != "MatMul" else 2
    axis = -1 if target.kind == "MatMul" else 1
    if other is None or target.kind == "Scale" or len(other.shape) > rank:
        return target
    shape = [1] * (rank - len(other.shape)) + list(other.numpy().shape)
    units = target.bias.size
    if shape.pop(axis) not in {1, units} or set(shape) - {1}:
        return target
    bias = target.bias + np.broadcast_to(other.numpy().reshape(-1), units).reshape(target.bias.shape)
    return replace(target, nodes=(*target.nodes, node), y=node.outputs[0], bias=bias)


def _input_array(node: ir.Node, index: int) -> Array:
    return array_of(node.inputs[index]).astype(np.float64)


_READERS: dict[str, Callable[[ir.Node], Target | str]] = {
    "Conv": _read_convolution,
    "ConvTranspose": _read_convolution,
    "Gemm": _read_gemm,
    "MatMul": _read_matmul,
    "BatchNormalization": _read_normalization,
}
MULTIPLIERS = frozenset(_READERS) | frozenset(
    "ConvInteger DeformConv Einsum FusedConv FusedGemm FusedMatMul GRU LSTM MatMulInteger QLinearConv QLinearMatMul "
    "RNN".split()
)
"""Operators that multiply by weights; those without a reader always remain in float."""
