"""Which nodes of a graph become operators of ours, and what stays in float, with the reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.passes.fold_batchnorm import affine_of
from ....analyzer.sites.graph_match import input_of, number_of, tensor_of
from ..encoding.levels import Levels
from ..encoding.packing import pack
from ..layer import Layer

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Target:
    """A node to rewrite, its weights in the order of `Layer`.

    Args:
        name: of the node.
        kind: Conv, ConvTranspose, MatMul or Scale.
        nodes: what it replaces: the node, and one that only adds a constant bias.
        x: what it reads.
        y: what it makes.
        weights: their table.
        bias: as `Layer` has it, in the unit of y.
        geometry: as `Layer` has it.
        transposed: whether x is to be transposed before (a Gemm's transA).
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
class Left:
    """A node that multiplies and stays in float.

    Args:
        name: of the node.
        op_type: what it is.
        reason: why it stays.
    """

    name: str
    op_type: str
    reason: str


def find_targets(graph: ir.Graph) -> tuple[list[Target], list[Left]]:
    """Every node that multiplies by weights, in the graph's order: those to rewrite, and those that stay."""
    targets, left = [], []
    for node in graph.all_nodes():
        if node.op_type in MULTIPLIERS and node.domain in {"", "com.microsoft"}:
            found = _target(node) if node.graph is graph else "it is inside the body of an If, Loop or Scan"
            if isinstance(found, Target):
                targets.append(_with_bias(found))
            else:
                left.append(Left(name_of(node), node.op_type, found))
    return targets, left


def name_of(node: ir.Node) -> str:
    """The name of a node, or of what it makes where it has none."""
    return node.name or node.outputs[0].name or node.op_type


def _target(node: ir.Node) -> Target | str:
    """The target that a node is, or why it stays."""
    read = _READERS.get(node.op_type) if not node.domain else None
    if read is None:
        return "no operator of ours stands for it"
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


def _convolution(node: ir.Node) -> Target | str:
    w = _array(node, 1)
    groups, taps = int(number_of(node, "group", 1)), prod(w.shape[2:])
    by_group = w.reshape(groups, -1, w.shape[1], taps)
    by_tap = by_group.transpose(0, 3, 2, 1) if node.op_type == "Conv" else by_group.transpose(0, 3, 1, 2)
    table = by_tap.reshape(groups, -1, by_tap.shape[-1])
    bias = np.zeros(1) if input_of(node, 2) is None else _array(node, 2)
    geometry = {name: attr.value for name, attr in node.attributes.items() if name in _GEOMETRY}
    geometry["kernel_shape"] = list(w.shape[2:])
    return _made(node, node.op_type, table, np.broadcast_to(bias, groups * table.shape[2]), geometry=geometry)


def _gemm(node: ir.Node) -> Target | str:
    w = _array(node, 1).T if number_of(node, "transB", 0) else _array(node, 1)
    bias = np.zeros(1) if input_of(node, 2) is None else _array(node, 2) * number_of(node, "beta", 1.0)
    if bias.size not in {1, w.shape[1]} or bias.shape[-1:] not in {(), (bias.size,)}:
        return "its bias is not the same for every row"
    weights = w * number_of(node, "alpha", 1.0)
    made = _made(node, "MatMul", weights, np.broadcast_to(bias.reshape(-1), w.shape[1]))
    return replace(made, transposed=bool(number_of(node, "transA", 0))) if isinstance(made, Target) else made


def _matmul(node: ir.Node) -> Target | str:
    w = _array(node, 1)
    x = node.inputs[0]
    if w.ndim != 2:
        return f"its weights have {w.ndim} axes, not 2"
    if x is None or x.shape is None or len(x.shape) < 2:
        return "it does not read at least a matrix, as far as the shapes in the model tell"
    return _made(node, "MatMul", w, np.zeros(w.shape[1]))


def _normalization(node: ir.Node) -> Target | str:
    affine = affine_of(node)
    if affine is None:
        return "its numbers are not constant, or it is in training"
    return _made(node, "Scale", affine.gain[None], affine.offset)


def _made(
    node: ir.Node, kind: str, weights: NDArray[Any], bias: Array, *, geometry: Mapping[str, Any] | None = None
) -> Target | str:
    """The target, its bias in the shape that its kind wants."""
    x = node.inputs[0]
    if x is None or x.dtype not in {None, ir.DataType.FLOAT}:
        return "it does not read float32"
    shape = {"MatMul": (-1,), "Scale": (-1, 1)}.get(kind, (len(weights), 1, -1))
    return Target(name_of(node), kind, (node,), x, node.outputs[0], weights, bias.reshape(shape), geometry or {})


def _with_bias(target: Target) -> Target:
    """The target together with the node that adds a constant to each of its units, if only that one reads it."""
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


def _array(node: ir.Node, place: int) -> Array:
    tensor = tensor_of(node.inputs[place])
    return np.zeros(0) if tensor is None else tensor.numpy().astype(np.float64)


_GEOMETRY = frozenset({"strides", "pads", "dilations", "auto_pad", "output_padding", "output_shape"})
_READERS: dict[str, Callable[[ir.Node], Target | str]] = {
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "BatchNormalization": _normalization,
}
MULTIPLIERS = frozenset(_READERS) | frozenset(
    "ConvInteger DeformConv Einsum FusedConv FusedGemm FusedMatMul GRU LSTM MatMulInteger QLinearConv QLinearMatMul "
    "RNN".split()
)


_MOST_STEPS = 2**30


@dataclass(frozen=True)
class Format:
    """How weights are stored and drawn; the options of `rewrite` of the same names.

    Args:
        exponent_bits: k of each weight.
        levels: the probabilities.
        flush_to_zero: what becomes of weights below the smallest exponent.
        per_image: whether to draw for each image of a batch anew.
    """

    exponent_bits: int
    levels: Levels
    flush_to_zero: bool
    per_image: bool


def binarize(
    target: Target, stored: Format, *, number: int, fraction_in: int, fraction_out: int, samples: int | None = None
) -> Layer:
    """The layer that stands for a target.

    Args:
        target: its weights and its bias.
        stored: in which form.
        number: which layer of the model it becomes.
        fraction_in: bits behind the point of what it reads.
        fraction_out: bits behind the point of what it makes.
        samples: a number of samples of its own; None: that of the model.
    """
    return Layer(
        name=target.name,
        kind=target.kind,
        number=number,
        weights=pack(
            target.weights,
            exponent_bits=stored.exponent_bits,
            levels=stored.levels,
            flush_to_zero=stored.flush_to_zero,
        ),
        shape=target.weights.shape,
        bias=bias_steps(target.bias, fraction=fraction_out),
        fraction_in=fraction_in,
        fraction_out=fraction_out,
        geometry=target.geometry,
        per_image=stored.per_image,
        samples=samples,
    )


def bias_steps(bias: Array, *, fraction: int) -> NDArray[np.int32]:
    """A bias in the nearest whole steps of 2^-f, wider than an activation; beyond 2^30 steps it saturates any sum.

    >>> bias_steps(np.array([0.5, -100.0]), fraction=10).tolist()
    [512, -102400]
    """
    return np.clip(np.rint(np.ldexp(bias, fraction)), -_MOST_STEPS, _MOST_STEPS).astype(np.int32)
