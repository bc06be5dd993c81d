"""The piecewise linear switches, in every form exporters write: operator, Clip, Max, Where, a masked product."""

import onnx_ir as ir

from .constants import is_constant, is_number, uniform
from .match import input_of, made_by, number_of, pairs, slope_of
from .switch import Switch

_OPERATORS = {"Relu": "relu", "LeakyRelu": "leaky_relu", "PRelu": "prelu"}


def operator(node: ir.Node) -> Switch | None:
    """The operator that is the function itself."""
    kind = _OPERATORS.get(node.op_type)
    return Switch(node, kind, node.inputs[0]) if kind and not node.domain else None


def thresholded(node: ir.Node) -> Switch | None:
    """ThresholdedRelu switches at alpha (1 if not given), not at 0."""
    if node.op_type != "ThresholdedRelu" or node.domain:
        return None
    return Switch(node, "thresholded_relu", node.inputs[0], threshold=number_of(node, "alpha", 1.0))


def clip(node: ir.Node) -> Switch | None:
    """Clip with the lower bound 0; Min and Max, in either order, with the lower bound 0: ReLU and ReLU6."""
    if node.op_type == "Clip" and not node.domain:
        low = number_of(node, "min", 1.0) if "min" in node.attributes else uniform(input_of(node, 1))
        return Switch(node, "clip", node.inputs[0]) if low == 0 else None
    return _bounded(node, "Min", "Max") or _bounded(node, "Max", "Min")


def _bounded(node: ir.Node, outer: str, inner: str) -> Switch | None:
    """One order of min(max(z, 0), cap)."""
    for outer_bound, value in pairs(node, outer):
        within = made_by(value, inner)
        for inner_bound, z in pairs(within, inner):
            floor, cap = (inner_bound, outer_bound) if outer == "Min" else (outer_bound, inner_bound)
            top = uniform(cap)
            if within is not None and is_number(floor, 0) and top is not None and top > 0:
                return Switch(node, "clip", z, (within,))
    return None


def maximum(node: ir.Node) -> Switch | None:
    """Max(z, 0), and Max(z, slope z) with a slope below 1."""
    for bound, z in pairs(node, "Max"):
        if is_number(bound, 0) and not is_constant(z):
            return Switch(node, "max", z)
        scaled = slope_of(bound, z)
        if scaled is not None and 0 < scaled[0] < 1:
            return Switch(node, "leaky_relu", z, (scaled[1],))
    return None


def where(node: ir.Node) -> Switch | None:
    """Where(z > 0, z, 0), the same with its branches exchanged, and with slope z in place of 0."""
    if node.op_type != "Where" or node.domain:
        return None
    decision = _sign_test(node.inputs[0])
    if decision is None:
        return None
    z, positive, tests = decision
    kept, other = node.inputs[1:3] if positive else (node.inputs[2], node.inputs[1])
    if kept is not z:
        return None
    if is_number(other, 0):
        return Switch(node, "where", z, tests)
    scaled = slope_of(other, z)
    return Switch(node, "leaky_relu", z, (*tests, scaled[1])) if scaled is not None else None


def mask(node: ir.Node) -> Switch | None:
    """The product of z and the cast of z > 0."""
    for factor, z in pairs(node, "Mul"):
        cast = made_by(factor, "Cast", "CastLike")
        decision = _sign_test(cast.inputs[0]) if cast is not None else None
        if cast is not None and decision is not None and decision[0] is z and decision[1]:
            return Switch(node, "mask", z, (cast, *decision[2]))
    return None


_TRUE_MEANS_POSITIVE = {"Greater": True, "GreaterOrEqual": True, "Less": False, "LessOrEqual": False}


def _sign_test(condition: ir.Value | None) -> tuple[ir.Value, bool, tuple[ir.Node, ...]] | None:
    """The value compared with 0, whether true means positive, and the nodes that compare.

    Whether 0 itself counts as positive makes no difference to the function: it is 0 there either way.
    """
    negation = made_by(condition, "Not")
    if negation is not None:
        inner = _sign_test(negation.inputs[0])
        return None if inner is None else (inner[0], not inner[1], (negation, *inner[2]))
    node = made_by(condition, *_TRUE_MEANS_POSITIVE)
    if node is None:
        return None
    left, right = node.inputs
    positive = _TRUE_MEANS_POSITIVE[node.op_type]
    if left is not None and is_number(right, 0):
        return left, positive, (node,)
    if right is not None and is_number(left, 0):
        return right, not positive, (node,)
    return None
