"""Recognisers of smooth switches: operators, and the arithmetic into which exporters decompose them.

Arithmetic is recognised by its values rather than its form: the nodes before a product are evaluated at some points,
and the product is a GELU if its values there are those of a GELU.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from .definition import Switch
from .graph_match import input_of, is_constant, number_of, uniform

Points = NDArray[np.float64]

_OPERATORS = {
    "Elu": "elu",
    "Celu": "celu",
    "Selu": "selu",
    "HardSwish": "hard_swish",
    "HardSigmoid": "hard_sigmoid",
    "Gelu": "gelu",
    "Mish": "mish",
    "Softplus": "softplus",
    "Swish": "silu",
}


def operator(node: ir.Node) -> Switch | None:
    """The operator that is the function itself."""
    kind = _OPERATORS.get(node.op_type)
    return Switch(node, kind, input_of(node, 0)) if kind and not node.domain else None


def arithmetic(node: ir.Node) -> Switch | None:
    """Arithmetic with the values of a known function of a value z a few nodes before it."""
    if node.op_type not in _LAST_STEPS or node.domain:
        return None
    cone = _cone(node)
    if not any(inner.op_type in _BENDS for inner in cone):
        return None
    for z in _candidates(cone):
        within: dict[ir.Node, Points | None] = {}
        values = _evaluate(node.outputs[0], z, within)
        if values is None:
            continue
        for kind, function in FORMS:
            if np.allclose(values, function(_AT), rtol=_ROUNDING, atol=_ROUNDING):
                return Switch(node, kind, z, tuple(inner for inner in within if inner is not node))
    return None


_LAST_STEPS = frozenset({"Mul", "Div", "Clip", "Min", "Max", "Log"})
_ROUNDING = 1e-3  # a constant such as 1/6 in half precision is off by 2.5e-4
_AT: Points = np.array([-7.0, -4.0, -2.5, -1.0, -0.4, 0.0, 0.3, 1.0, 2.5, 4.0, 7.0])
_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(z: Points) -> Points:
    return 1 / (1 + np.exp(-z))


def _softplus(z: Points) -> Points:
    return np.log1p(np.exp(z))


FORMS: tuple[tuple[str, Callable[[Points], Points]], ...] = (
    ("gelu", lambda z: z * (1 + _erf(z / math.sqrt(2))) / 2),
    ("gelu", lambda z: z * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))) / 2),
    ("silu", lambda z: z * _sigmoid(z)),
    ("quick_gelu", lambda z: z * _sigmoid(1.702 * z)),
    ("hard_swish", lambda z: z * np.clip(z + 3, 0, 6) / 6),
    ("mish", lambda z: z * np.tanh(_softplus(z))),
    ("hard_sigmoid", lambda z: np.clip(z / 6 + 0.5, 0, 1)),
    ("hard_sigmoid", lambda z: np.clip(z / 5 + 0.5, 0, 1)),
    ("softplus", _softplus),
)
"""Functions that are recognised in arithmetic; two forms of one kind where frameworks differ."""

_BENDS = frozenset({"Erf", "Tanh", "Sigmoid", "HardSigmoid", "Clip", "Min", "Max", "Relu", "Exp"})
_LARGEST = 12  # nodes: the tanh form of GELU takes nine


def _cone(node: ir.Node) -> list[ir.Node]:
    """The node and its ancestors through operators that can be evaluated, nearest first."""
    cone = [node]
    for inner in cone:
        for value in inner.inputs:
            maker = value.producer() if value is not None else None
            if maker is not None and maker.op_type in _EVALUATED and not maker.domain and maker not in cone:
                cone.append(maker)
        if len(cone) >= _LARGEST:
            break
    return cone[:_LARGEST]


def _candidates(cone: list[ir.Node]) -> Iterator[ir.Value]:
    """Yield every input of the nodes that is not constant, nearest first."""
    seen = set()
    for node in cone:
        for value in node.inputs:
            if value is not None and value not in seen and not is_constant(value):
                seen.add(value)
                yield value


_UNARY: dict[str, Callable[[Points], Points]] = {
    "Neg": np.negative,
    "Exp": np.exp,
    "Log": np.log,
    "Reciprocal": np.reciprocal,
    "Erf": _erf,
    "Tanh": np.tanh,
    "Sigmoid": _sigmoid,
    "Softplus": _softplus,
    "Relu": lambda z: np.maximum(z, 0),
    "Identity": lambda z: z,
}
_BINARY: dict[str, Callable[[Points, Points], Points]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Pow": np.power,
    "Min": np.minimum,
    "Max": np.maximum,
}
_BOUNDED = frozenset({"Clip", "HardSigmoid"})
_EVALUATED = frozenset({*_UNARY, *_BINARY, *_BOUNDED})


def _evaluate(value: ir.Value | None, z: ir.Value, within: dict[ir.Node, Points | None]) -> Points | None:
    """Evaluate the value for z = `_AT`; None if it depends on anything but z and constants.

    `within` caches the result of each evaluated node.
    """
    if value is z:
        return _AT
    number = uniform(value)
    if number is not None:
        return np.full_like(_AT, number)
    node = value.producer() if value is not None else None
    if node is None or node.op_type not in _EVALUATED or node.domain:
        return None
    if node not in within and len(within) <= _LARGEST:
        within[node] = None
        within[node] = _result(node, z, within)
    return within.get(node)


def _result(node: ir.Node, z: ir.Value, within: dict[ir.Node, Points | None]) -> Points | None:
    """Evaluate a node for z = `_AT`; None if it cannot be evaluated."""
    arguments = [_evaluate(v, z, within) for v in node.inputs[: 1 if node.op_type in _BOUNDED else None]]
    with np.errstate(all="ignore"):
        match arguments:
            case [np.ndarray() as only] if node.op_type == "Clip":
                return _clipped(node, only)
            case [np.ndarray() as only] if node.op_type == "HardSigmoid":
                return np.clip(number_of(node, "alpha", 0.2) * only + number_of(node, "beta", 0.5), 0, 1)
            case [np.ndarray() as only] if node.op_type in _UNARY:
                return _UNARY[node.op_type](only)
            case [np.ndarray() as left, np.ndarray() as right] if node.op_type in _BINARY:
                return _BINARY[node.op_type](left, right)
    return None


def _clipped(node: ir.Node, values: Points) -> Points | None:
    bounds = []
    for place, (name, absent) in enumerate((("min", -math.inf), ("max", math.inf)), start=1):
        given = input_of(node, place)
        number = number_of(node, name, absent) if given is None else uniform(given)
        if number is None:
            return None
        bounds.append(number)
    return np.minimum(np.maximum(values, bounds[0]), bounds[1])
