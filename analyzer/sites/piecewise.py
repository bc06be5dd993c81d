"""Recognisers of piecewise linear switches in the forms exporters write: operator, Clip, Max, Where, masked product."""

import onnx_ir as ir

from .definition import Switch
from .graph_match import input_of, is_constant, is_number, made_by, number_of, pairs, slope_of, uniform

_OPERATORS = {"Relu": "relu", "LeakyRelu": "leaky_relu", "PRelu": "prelu"}


def operator(node: ir.Node) -> Switch | None:
    """The operator that is the function itself."""
    kind = _OPERATORS.get(node.op_type)
    return Switch(node, kind, input_of(node, 0)) if kind and not node.domain else None


def thresholded(node: ir.Node) -> Switch | None:
    """ThresholdedRelu switches at alpha (1 if not given), not at 0."""
    if node.op_type != "ThresholdedRelu" or node.domain:
        return None
    return Switch(node, "thresholded_relu", input_of(node, 0), threshold=number_of(node, "alpha", 1.0))


def clip(node: ir.Node) -> Switch | None:
    """Clip with lower bound 0, optionally after a Relu, and the same as Min and Max: ReLU and ReLU6."""
    if node.op_type == "Clip" and not node.domain:
        low = number_of(node, "min", 1.0) if "min" in node.attributes else uniform(input_of(node, 1))
        relu = made_by(input_of(node, 0), "Relu")
        z, within = (input_of(node, 0), ()) if relu is None else (input_of(relu, 0), (relu,))
        return Switch(node, "clip", z, within) if low == 0 else None
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
        if scaled is not None and _leaks(scaled[0]):
            return Switch(node, "leaky_relu", z, (scaled[1],))
    return None


def _leaks(slope: ir.Value) -> bool:
    """Whether the slope is that of a leaky ReLU, between 0 and 1; -1 gives the absolute value."""
    number = uniform(slope)
    return number is not None and 0 < number < 1


def where(node: ir.Node) -> Switch | None:
    """Where(z > 0, z, 0), also with exchanged branches, another threshold, or slope z in place of 0."""
    if node.op_type != "Where" or node.domain or len(node.inputs) != 3:
        return None
    test = _test(node.inputs[0])
    if test is None:
        return None
    z, threshold, true_above, within = test
    kept, other = node.inputs[1:3] if true_above else (node.inputs[2], node.inputs[1])
    if kept is not z:
        return None
    if is_number(other, 0):
        return _thresholded_at(node, "where", z, within, threshold)
    scaled = slope_of(other, z)
    if scaled is None or threshold != 0:
        return None
    slope, product = scaled
    if uniform(slope) is None:
        return Switch(node, "prelu", z, (*within, product))
    return Switch(node, "leaky_relu", z, (*within, product)) if _leaks(slope) else None


def mask(node: ir.Node) -> Switch | None:
    """The product of z and the cast of z > 0."""
    for factor, z in pairs(node, "Mul"):
        cast = made_by(factor, "Cast", "CastLike")
        test = _test(input_of(cast, 0)) if cast is not None else None
        if cast is None or test is None:
            continue
        tested, threshold, true_above, within = test
        if tested is z and true_above:
            return _thresholded_at(node, "mask", z, (cast, *within), threshold)
    return None


def _thresholded_at(node: ir.Node, kind: str, z: ir.Value, within: tuple[ir.Node, ...], threshold: float) -> Switch:
    return Switch(node, kind if threshold == 0 else "thresholded_relu", z, within, threshold=threshold)


_TRUE_MEANS_ABOVE = {"Greater": True, "GreaterOrEqual": True, "Less": False, "LessOrEqual": False}


def _test(condition: ir.Value | None) -> tuple[ir.Value, float, bool, tuple[ir.Node, ...]] | None:
    """The comparison that a condition makes; whether z equal to the threshold counts as above it is ignored.

    Returns:
        z, the threshold, whether true means that z is above it, and the nodes of the comparison.
    """
    negation = made_by(condition, "Not")
    if negation is not None:
        inner = _test(input_of(negation, 0))
        if inner is None:
            return None
        z, threshold, true_above, nodes = inner
        return z, threshold, not true_above, (negation, *nodes)
    node = made_by(condition, *_TRUE_MEANS_ABOVE)
    if node is None:
        return None
    true_above = _TRUE_MEANS_ABOVE[node.op_type]
    left, right = input_of(node, 0), input_of(node, 1)
    for value, bound, above in ((left, right, true_above), (right, left, not true_above)):
        number = uniform(bound)
        if value is not None and number is not None and not is_constant(value):
            return value, number, above, (node,)
    return None
