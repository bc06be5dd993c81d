"""find_unit_axis: the axis of a pre-activation that counts units, found from the operators that computed it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import onnx_ir as ir

from .definition import GUESS
from .graph_match import input_of, is_constant, number_of, tensor_of


@dataclass(frozen=True)
class UnitAxis:
    """The axis of the units and the rule that determined it.

    Args:
        axis: axis of the units; negative counts from the end.
        rule: how it was determined, as text.
        reason: why no axis of the value counts units; None if one does.
    """

    axis: int
    rule: str
    reason: str | None = None


def rank(value: ir.Value | None) -> int | None:
    """The number of axes of the value; None if unknown."""
    return None if value is None or value.shape is None else len(value.shape)


def sizes(value: ir.Value | None) -> list[int | None]:
    """The declared sizes of the axes of a value, None for a symbolic one; empty if the rank is unknown."""
    if value is None or value.shape is None:
        return []
    return [d if isinstance(d, int) else None for d in value.shape]


def from_end(axis: int, value: ir.Value) -> int:
    """A negative axis of the value, counted from the start if its rank is known."""
    total = rank(value)
    return axis if total is None else total + axis


def _transpose(node: ir.Node, found: UnitAxis | None) -> UnitAxis | None:
    order = node.attributes["perm"].as_ints() if "perm" in node.attributes else range(rank(node.inputs[0]) or 0)[::-1]
    if found is None or not order:
        return None
    return UnitAxis(list(order).index(found.axis % len(order)), f"{found.rule}, moved by Transpose")


def _flatten(node: ir.Node, found: UnitAxis | None) -> UnitAxis | None:
    del found
    return UnitAxis(1, f"{node.op_type}: every flattened coordinate is a unit")


def _squeeze(node: ir.Node, found: UnitAxis | None) -> UnitAxis | None:
    total, gone = rank(node.inputs[0]), _axes(node)
    if found is None or total is None or gone is None:
        return found if found is not None and found.axis == -1 else None
    axis, dropped = found.axis % total, {a % total for a in gone}
    if axis in dropped:
        return None
    return UnitAxis(axis - sum(a < axis for a in dropped), found.rule)


def _unsqueeze(node: ir.Node, found: UnitAxis | None) -> UnitAxis | None:
    before, new = rank(node.inputs[0]), _axes(node)
    if found is None or before is None or new is None:
        return found if found is not None and found.axis == -1 else None
    total = before + len(new)
    old_places = [a for a in range(total) if a not in {b % total for b in new}]
    return UnitAxis(old_places[found.axis % before], found.rule)


def _reshape(node: ir.Node, found: UnitAxis | None) -> UnitAxis | None:
    """The axis of the units after a Reshape, by the first of these rules that applies.

    1. The axis of equal size with the same number of entries after it.
    2. The same axis, if all sizes up to it are equal and those after it are unknown.
    3. The axis into which it was merged, or the innermost of those into which it was split, as attention splits
       channels into heads. The unit axis of a vector reshaped into an image is unknown.
    4. The last of two axes: a flattening.
    """
    before, after = sizes(node.inputs[0]), sizes(node.outputs[0])
    if found is not None and before and after:
        axis = found.axis % len(before)
        size, behind = before[axis], _product(before[axis + 1 :])
        for place in range(len(after)):
            if None not in (size, behind) and (after[place], _product(after[place + 1 :])) == (size, behind):
                return UnitAxis(place, f"{found.rule}, kept by Reshape")
        if behind is None and size is not None and before[: axis + 1] == after[: axis + 1]:
            return UnitAxis(axis, f"{found.rule}, kept by Reshape")
        if behind is not None and min(len(before), len(after)) > 2:
            return _part(found, behind, after)
    if len(after) == 2:
        return UnitAxis(1, "Reshape to two axes: every flattened coordinate is a unit")
    return None


def _part(found: UnitAxis, behind: int, after: list[int | None]) -> UnitAxis | None:
    """The last axis whose size, times the sizes after it, exceeds `behind`; None if there is none."""
    step = 1
    for place in range(len(after) - 1, 0, -1):
        size = after[place]
        if size is None or behind < step * size:
            return UnitAxis(place, f"{found.rule}, split or merged by Reshape")
        step *= size
    return None


def _reduce(node: ir.Node, found: UnitAxis | None) -> UnitAxis | None:
    return found if number_of(node, "keepdims", 1) else _squeeze(node, found)


def _gather(node: ir.Node, found: UnitAxis | None) -> UnitAxis | None:
    if is_constant(node.inputs[0]):
        return UnitAxis(from_end(-1, node.outputs[0]), "computed by Gather from a table: last axis")
    total, indices = rank(node.inputs[0]), rank(input_of(node, 1))
    if found is None or total is None or indices is None:
        return None
    axis, along = found.axis % total, int(number_of(node, "axis", 0)) % total
    if axis == along and indices == 0:
        return None
    return found if axis <= along else UnitAxis(axis + indices - 1, found.rule)


MOVES: dict[str, Callable[[ir.Node, UnitAxis | None], UnitAxis | None]] = {
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
"""By operator: the unit axis of its output from that of its first input; None if unknown."""


def _axes(node: ir.Node) -> list[int] | None:
    """The axes of a Squeeze, Unsqueeze or Reduce, from its attribute or its second input; None if not constant."""
    if "axes" in node.attributes:
        return list(node.attributes["axes"].as_ints())
    tensor = tensor_of(input_of(node, 1))
    return None if tensor is None else [int(a) for a in tensor.numpy().reshape(-1)]


def _product(of: list[int | None]) -> int | None:
    total = 1
    for size in of:
        if size is None:
            return None
        total *= size
    return total


_AXIS_ONE = frozenset(
    """Conv ConvTranspose ConvInteger DeformConv QLinearConv FusedConv BatchNormalization InstanceNormalization
    GroupNormalization LRN QLinearGlobalAveragePool DepthToSpace SpaceToDepth MeanVarianceNormalization
    ReorderOutput""".split()
)
_LAST = frozenset(
    """NhwcConv NhwcFusedConv LSTM GRU RNN Attention MultiHeadAttention EmbedLayerNormalization
    SimplifiedLayerNormalization SkipLayerNormalization SkipSimplifiedLayerNormalization""".split()
)
_LAST_AS_A_RULE = frozenset({"LayerNormalization", "RMSNormalization"})
_PRODUCTS = frozenset(
    "Gemm QGemm FusedGemm MatMul QLinearMatMul MatMulInteger FusedMatMul MatMulNBits TransposeMatMul".split()
)
_COMBINE = frozenset(
    """Add Sub Mul Div Pow Mod Min Max Mean Sum Where PRelu And Or Xor Equal Greater GreaterOrEqual Less LessOrEqual
    Concat""".split()
)
_FORGET = frozenset(
    """Shape Size NonZero Range ConstantOfShape OneHot ArgMax ArgMin GatherND EyeLike NonMaxSuppression Loop
    Scan""".split()
)
_BLOCKED = UnitAxis(
    1,
    "blocked by the runtime",
    reason="the runtime has rearranged its channels in blocks; analyse the model as it was before that optimisation",
)
_MAX_VISITED = 200  # values; the operator that determines the axis is nearby


def find_unit_axis(z: ir.Value) -> UnitAxis:
    """Find the axis of z that counts units, by the first of these rules that applies.

    1. By the operator that computes z. Convolution, normalization over channels: axis 1. Recurrent cell, layer
       normalization, look-up in a table of weights: the last axis. MatMul, Gemm: the last axis, or the second to last
       if the weights are the left operand. Einsum: the axis of the last output letter that occurs in weights only.
    2. Transpose, Squeeze, Unsqueeze, Reshape, Flatten, Gather and reductions move the axis; elementwise operators and
       pooling keep it; an If is followed into its first branch.
    3. The axis of a constant operand with one entry per unit, such as a scale or a shift.
    4. Otherwise the last axis of a value with at most two axes, else axis 1.
    """
    found = _back(z, set())
    return found if found is not None else UnitAxis(*_by_rank(z))


def _by_rank(z: ir.Value) -> tuple[int, str]:
    total = rank(z)
    if total is not None and total <= 2:
        return max(total - 1, 0), "nothing known of its maker; last of at most two axes"
    return 1, GUESS


def _back(value: ir.Value | None, seen: set[ir.Value]) -> UnitAxis | None:
    """The unit axis of the value by rules 1 to 3 of `find_unit_axis`; None if none applies."""
    node = value.producer() if value is not None else None
    if value is None or node is None or value in seen or len(seen) >= _MAX_VISITED:
        return None
    seen.add(value)
    op = node.op_type
    if node.domain == "com.microsoft.nchwc" and op != "ReorderOutput":
        return _BLOCKED
    if op in _AXIS_ONE:
        if number_of(node, "channels_last", 0):
            return UnitAxis(from_end(-1, value), f"computed by {op} with channels last: last axis")
        return UnitAxis(1, f"computed by {op}: axis 1")
    if op in _LAST or (op in _LAST_AS_A_RULE and number_of(node, "axis", -1) in (-1, (rank(value) or 0) - 1)):
        return UnitAxis(from_end(-1, value), f"computed by {op}: last axis")
    if op in _PRODUCTS:
        left = is_constant(input_of(node, 0)) and not is_constant(input_of(node, 1))
        axis = -2 if left and op in {"MatMul", "Gemm"} and (rank(value) or 2) > 1 else -1
        return UnitAxis(from_end(axis, value), f"computed by {op}: {'second to last' if axis == -2 else 'last'} axis")
    if op == "Einsum":
        return _einsum(node, value)
    if op in MOVES:
        return MOVES[op](node, _back(input_of(node, 0), seen))
    if op == "If":
        branch = node.attributes["then_branch"].as_graph()
        return _back(branch.outputs[node.outputs.index(value)], seen)
    return None if op in _FORGET else _kept(node, value, seen)


def _einsum(node: ir.Node, value: ir.Value) -> UnitAxis | None:
    """The axis of the last output letter that only constant operands have (o of nchw,oc->nohw); None if none."""
    if "equation" not in node.attributes:
        return None
    equation = node.attributes["equation"].as_string().replace(" ", "")
    terms, _, made = equation.replace("...", ".").partition("->")
    fed = {
        letter
        for term, operand in zip(terms.split(","), node.inputs, strict=True)
        if not is_constant(operand)
        for letter in term
    }
    units = [place for place, letter in enumerate(made) if letter not in fed | {"."}]
    if not units:
        return None
    place, rule = units[-1], f"computed by Einsum {equation}: axis of {made[units[-1]]}"
    return UnitAxis(from_end(place - len(made), value) if "." in made[:place] else place, rule)


def _kept(node: ir.Node, value: ir.Value, seen: set[ir.Value]) -> UnitAxis | None:
    """The axis of the first operand with a known unit axis, aligned from the right; else that of a constant operand.

    Operators that do not combine values take data from their first input only; the others are parameters.
    """
    operands = list(node.inputs) if node.op_type in _COMBINE else list(node.inputs[:1])
    own = rank(value)
    for operand in operands:
        found = None if is_constant(operand) else _back(operand, seen)
        its = rank(operand)
        if found is None or (own is not None and its is not None and own < its):
            continue
        if found.axis < 0 or own is None or its is None:
            return found
        return replace(found, axis=found.axis + own - its)
    return next(filter(None, (_one_for_each(operand, own) for operand in operands)), None)


def _one_for_each(operand: ir.Value | None, total: int | None) -> UnitAxis | None:
    """The axis along which a constant operand has one entry per unit; None if it has no such axis."""
    its = sizes(operand) if is_constant(operand) else []
    long = [place for place, size in enumerate(its) if size != 1]
    if len(long) != 1 or total is None or total < len(its):
        return None
    return UnitAxis(long[0] + total - len(its), "a constant operand has one number for every unit")
