"""Which axis of a pre-activation counts units: found by meaning, following the value back to what made it."""

from dataclasses import replace

import onnx_ir as ir

from .constants import is_constant
from .match import input_of, number_of
from .moves import MOVES, UnitAxis, from_end, rank, sizes
from .site import GUESS

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
_FAR = 200  # values to walk back through at most: what made a value stands near it


def unit_axis(z: ir.Value) -> UnitAxis:
    """The axis of z that counts units, by the first of these rules that applies.

    1. A convolution or a normalization over channels made it: axis 1. A Gemm, a recurrent cell, a layer normalization,
       a look-up in a table of weights: the last axis. A MatMul or Gemm: the last axis, or the last but one where the
       weights stand on its left. An Einsum: the axis of the last letter of its output that only weights have.
    2. Transpose, Squeeze, Unsqueeze, Reshape, Flatten, Gather and reductions move the axis; elementwise operators and
       pooling keep it; an If is followed into its first branch.
    3. On the way stood a constant with one entry for every unit, as a scale or a shift has: its axis.
    4. Nothing is known: the last axis of a value with at most two axes, else axis 1.
    """
    found = _back(z, set())
    return found if found is not None else UnitAxis(*_by_rank(z))


def _by_rank(z: ir.Value) -> tuple[int, str]:
    total = rank(z)
    if total is not None and total <= 2:
        return max(total - 1, 0), "nothing known of its maker; last of at most two axes"
    return 1, GUESS


def _back(value: ir.Value | None, seen: set[ir.Value]) -> UnitAxis | None:
    """The axis of the value, in its own axes; None if the walk back finds no maker with a meaning."""
    node = value.producer() if value is not None else None
    if value is None or node is None or value in seen or len(seen) >= _FAR:
        return None
    seen.add(value)
    op = node.op_type
    if node.domain == "com.microsoft.nchwc" and op != "ReorderOutput":
        return _BLOCKED
    if op in _AXIS_ONE:
        if number_of(node, "channels_last", 0):
            return UnitAxis(from_end(-1, value), f"{op} with channels last makes it: last axis")
        return UnitAxis(1, f"{op} makes it: axis 1")
    if op in _LAST or (op in _LAST_AS_A_RULE and number_of(node, "axis", -1) in (-1, (rank(value) or 0) - 1)):
        return UnitAxis(from_end(-1, value), f"{op} makes it: last axis")
    if op in _PRODUCTS:
        left = is_constant(input_of(node, 0)) and not is_constant(input_of(node, 1))
        axis = -2 if left and op in {"MatMul", "Gemm"} and (rank(value) or 2) > 1 else -1
        return UnitAxis(from_end(axis, value), f"{op} makes it: {'rows of its left' if axis == -2 else 'last'} axis")
    if op == "Einsum":
        return _einsum(node, value)
    if op in MOVES:
        return MOVES[op](node, _back(input_of(node, 0), seen))
    if op == "If":
        branch = node.attributes["then_branch"].as_graph()
        return _back(branch.outputs[node.outputs.index(value)], seen)
    return None if op in _FORGET else _kept(node, value, seen)


def _einsum(node: ir.Node, value: ir.Value) -> UnitAxis | None:
    """The axis of the last letter of the output that only constant operands have: o of nchw,oc->nohw; None if none."""
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
    place, rule = units[-1], f"Einsum {equation} makes it: axis of {made[units[-1]]}"
    return UnitAxis(from_end(place - len(made), value) if "." in made[:place] else place, rule)


def _kept(node: ir.Node, value: ir.Value, seen: set[ir.Value]) -> UnitAxis | None:
    """The axis of the first operand that has a meaning, aligned from the right; else that of a constant operand.

    Of operators that do not combine values only the first input is data; the others say how.
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
    """The axis along which a constant operand holds one number for every unit; None if it is no such constant."""
    its = sizes(operand) if is_constant(operand) else []
    long = [place for place, size in enumerate(its) if size != 1]
    if len(long) != 1 or total is None or total < len(its):
        return None
    return UnitAxis(long[0] + total - len(its), "a constant operand holds one number for every unit")
