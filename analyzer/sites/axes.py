"""Which axis of a pre-activation counts units: found by meaning, following the value back to what made it."""

from collections.abc import Callable
from dataclasses import dataclass

import onnx_ir as ir

from .constants import is_constant, tensor_of
from .match import input_of


@dataclass(frozen=True)
class UnitAxis:
    """An axis (negative: counted from the end) and the rule that found it, in words."""

    axis: int
    rule: str


_AXIS_ONE = frozenset(
    """Conv ConvTranspose ConvInteger DeformConv QLinearConv FusedConv BatchNormalization InstanceNormalization
    GroupNormalization LRN QLinearGlobalAveragePool DepthToSpace SpaceToDepth MeanVarianceNormalization""".split()
)
_LAST = frozenset(
    """Gemm QGemm FusedGemm LayerNormalization SimplifiedLayerNormalization SkipLayerNormalization RMSNormalization
    LSTM GRU RNN Einsum Attention MultiHeadAttention EmbedLayerNormalization""".split()
)
_PRODUCTS = frozenset({"MatMul", "QLinearMatMul", "MatMulInteger", "FusedMatMul", "MatMulNBits"})
_TOLD = 100  # nodes to walk back at most: what made a value stands near it


def unit_axis(z: ir.Value) -> UnitAxis:
    """The axis of z that counts units, by the first of these rules that applies.

    1. A convolution or a normalization over channels made it: axis 1. A Gemm, a recurrent cell, a layer normalization:
       the last axis. A MatMul: the last axis, or the last but one where the weights stand on its left.
    2. Transpose, Squeeze, Unsqueeze, Reshape and Flatten move the axis; elementwise operators and pooling keep it.
    3. Nothing is known: the last axis of a value with at most two axes, else axis 1.
    """
    found = _back(z, _TOLD)
    return found if found is not None else UnitAxis(*_by_rank(z))


def _by_rank(z: ir.Value) -> tuple[int, str]:
    rank = _rank(z)
    if rank is not None and rank <= 2:
        return (rank - 1 if rank else 0), "nothing known of its maker; last of at most two axes"
    return 1, "nothing known of its maker; axis 1 by convention"


def _back(value: ir.Value | None, told: int) -> UnitAxis | None:
    """The axis of the value, in its own axes; None if the walk back finds no maker with a meaning."""
    node = value.producer() if value is not None else None
    if value is None or node is None or told == 0:
        return None
    op = node.op_type
    if op in _AXIS_ONE:
        return UnitAxis(1, f"{op} makes it: axis 1")
    if op in _LAST:
        return UnitAxis(_from_end(-1, value), f"{op} makes it: last axis")
    if op in _PRODUCTS:
        left = op == "MatMul" and is_constant(node.inputs[0]) and not is_constant(node.inputs[1])
        axis = -2 if left and (_rank(value) or 2) > 1 else -1
        return UnitAxis(_from_end(axis, value), f"{op} makes it: {'rows of its left' if left else 'last'} axis")
    if op in _MOVES:
        return _MOVES[op](node, told - 1)
    return _kept(node, value, told - 1)


def _kept(node: ir.Node, value: ir.Value, told: int) -> UnitAxis | None:
    """Elementwise operators and pooling: the axis of the first operand that has a meaning, aligned from the right."""
    for operand in node.inputs:
        if operand is None or is_constant(operand):
            continue
        found = _back(operand, told)
        if found is None:
            continue
        own, its = _rank(value), _rank(operand)
        if own is not None and its is not None and own != its:
            if own < its:
                continue
            return UnitAxis(found.axis if found.axis < 0 else found.axis + own - its, found.rule)
        return found
    return None


def _transpose(node: ir.Node, told: int) -> UnitAxis | None:
    found = _back(node.inputs[0], told)
    rank = _rank(node.inputs[0])
    order = node.attributes["perm"].as_ints() if "perm" in node.attributes else range(rank or 0)[::-1]
    if found is None or not order:
        return None
    return UnitAxis(list(order).index(found.axis % len(order)), f"{found.rule}, moved by Transpose")


def _flatten(node: ir.Node, told: int) -> UnitAxis | None:
    del told
    return UnitAxis(1, f"{node.op_type}: every flattened coordinate is a unit")


def _squeeze(node: ir.Node, told: int) -> UnitAxis | None:
    found, rank = _back(node.inputs[0], told), _rank(node.inputs[0])
    gone = _axes(node)
    if found is None or rank is None or gone is None:
        return found if found is not None and found.axis == -1 else None
    axis, dropped = found.axis % rank, {a % rank for a in gone}
    if axis in dropped:
        return None
    return UnitAxis(axis - sum(a < axis for a in dropped), found.rule)


def _unsqueeze(node: ir.Node, told: int) -> UnitAxis | None:
    found, rank = _back(node.inputs[0], told), _rank(node.inputs[0])
    new = _axes(node)
    if found is None or rank is None or new is None:
        return found if found is not None and found.axis == -1 else None
    total = rank + len(new)
    old_places = [a for a in range(total) if a not in {b % total for b in new}]
    return UnitAxis(old_places[found.axis % rank], found.rule)


def _reshape(node: ir.Node, told: int) -> UnitAxis | None:
    """The axis of equal size with the same number of entries behind it; the last of two axes if there is none."""
    source, made = node.inputs[0], node.outputs[0]
    found = _back(source, told)
    before, after = _sizes(source), _sizes(made)
    if found is not None and before and after:
        axis = found.axis % len(before)
        wanted = (before[axis], _product(before[axis + 1 :]))
        for place, size in enumerate(after):
            if None not in wanted and (size, _product(after[place + 1 :])) == wanted:
                return UnitAxis(place, f"{found.rule}, kept by Reshape")
    if _rank(made) == 2:
        return UnitAxis(1, "Reshape to two axes: every flattened coordinate is a unit")
    return None


def _reduce(node: ir.Node, told: int) -> UnitAxis | None:
    keeps = node.attributes.get("keepdims")
    if keeps is None or keeps.as_int() == 1:
        return _back(node.inputs[0], told)
    return _squeeze(node, told)


def _gather(node: ir.Node, told: int) -> UnitAxis | None:
    found, rank, indices = _back(node.inputs[0], told), _rank(node.inputs[0]), _rank(node.inputs[1])
    along = node.attributes["axis"].as_int() if "axis" in node.attributes else 0
    if found is None or rank is None or indices is None:
        return None
    axis, along = found.axis % rank, along % rank
    return found if axis <= along else UnitAxis(axis + indices - 1, found.rule)


_MOVES: dict[str, Callable[[ir.Node, int], UnitAxis | None]] = {
    "Transpose": _transpose,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Reshape": _reshape,
    "Gather": _gather,
    **dict.fromkeys(
        "ReduceMean ReduceMax ReduceMin ReduceSum ReduceL1 ReduceL2 ReduceProd ReduceLogSumExp".split(), _reduce
    ),
}


def _axes(node: ir.Node) -> list[int] | None:
    """The axes of a Squeeze, Unsqueeze or Reduce, from its attribute or its second input; None if not fixed."""
    if "axes" in node.attributes:
        return list(node.attributes["axes"].as_ints())
    tensor = tensor_of(input_of(node, 1))
    return None if tensor is None else [int(a) for a in tensor.numpy().reshape(-1)]


def _rank(value: ir.Value | None) -> int | None:
    return None if value is None or value.shape is None else len(value.shape)


def _from_end(axis: int, value: ir.Value) -> int:
    rank = _rank(value)
    return axis if rank is None else rank + axis


def _sizes(value: ir.Value | None) -> list[int | None]:
    if value is None or value.shape is None:
        return []
    return [d if isinstance(d, int) else None for d in value.shape]


def _product(sizes: list[int | None]) -> int | None:
    total = 1
    for size in sizes:
        if size is None:
            return None
        total *= size
    return total
