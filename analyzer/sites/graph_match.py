"""Queries about a node, its inputs and constants, which the recognisers share."""

import math
from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

_READ_AT_MOST = 1 << 20  # elements; a larger constant is a weight, not a bound of an activation
_SHAPING = frozenset(
    {"Identity", "Cast", "CastLike", "Expand", "Reshape", "Unsqueeze", "Squeeze", "Tile", "Transpose", "Flatten"}
)


def tensor_of(value: ir.Value | None) -> ir.TensorProtocol | None:
    """The tensor of an initializer or a Constant node; None for inputs and computed values."""
    if value is None:
        return None
    if value.const_value is not None:
        return value.const_value
    node = value.producer()
    if node is None or node.op_type != "Constant" or node.domain:
        return None
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        attribute = node.attributes.get(name)
        if attribute is not None and not attribute.is_ref():
            return attribute.value if name == "value" else ir.tensor(np.asarray(attribute.value))
    return None


def is_constant(value: ir.Value | None) -> bool:
    """Whether the value is a constant: a tensor, possibly reshaped or dequantized."""
    if tensor_of(value) is not None:
        return True
    node = value.producer() if value is not None else None
    return node is not None and (
        node.op_type == "ConstantOfShape"
        or (node.op_type in _SHAPING | {"DequantizeLinear"} and is_constant(node.inputs[0]))
    )


def uniform(value: ir.Value | None) -> float | None:
    """The number that all entries of a constant value equal, through any reshaping; None if there is none."""
    tensor = tensor_of(value)
    if tensor is not None:
        return _uniform_tensor(tensor)
    node = value.producer() if value is not None else None
    if node is None or node.domain:
        return None
    if node.op_type in _SHAPING:
        return uniform(node.inputs[0])
    if node.op_type == "ConstantOfShape":
        fill = node.attributes.get("value")
        return 0.0 if fill is None else _uniform_tensor(fill.as_tensor())
    return None


def is_number(value: ir.Value | None, number: float) -> bool:
    """Whether all entries of a constant value equal the number, to the six digits that exporters keep."""
    found = uniform(value)
    return found is not None and math.isclose(found, number, rel_tol=2e-6, abs_tol=0.0 if number else 1e-30)


def _uniform_tensor(tensor: ir.TensorProtocol) -> float | None:
    if not 0 < tensor.size <= _READ_AT_MOST or tensor.dtype == ir.DataType.STRING:
        return None
    array = tensor.numpy().reshape(-1)
    first = array[0]
    return float(first) if bool((array == first).all()) else None


def made_by(value: ir.Value | None, *op_types: str) -> ir.Node | None:
    """The producer of the value if it is a standard operator of one of these types, else None."""
    node = value.producer() if value is not None else None
    return node if node is not None and node.op_type in op_types and not node.domain else None


def input_of(node: ir.Node, place: int) -> ir.Value | None:
    """The input at this position; None if it is omitted."""
    return node.inputs[place] if place < len(node.inputs) else None


def number_of(node: ir.Node, name: str, default: float) -> float:
    """A numeric attribute of the node, or the default."""
    attribute = node.attributes.get(name)
    return default if attribute is None or attribute.is_ref() else float(attribute.value)


def pairs(node: ir.Node | None, op_type: str) -> Iterator[tuple[ir.Value, ir.Value]]:
    """Yield both orders of the two inputs of a commutative node of this type."""
    if node is not None and node.op_type == op_type and not node.domain and len(node.inputs) == 2:
        first, second = node.inputs
        if first is not None and second is not None:
            yield first, second
            yield second, first


def slope_of(value: ir.Value | None, z: ir.Value) -> tuple[ir.Value, ir.Node] | None:
    """The constant c and the Mul node where the value is c z, else None."""
    node = made_by(value, "Mul")
    for slope, other in pairs(node, "Mul"):
        if node is not None and other is z and is_constant(slope):
            return slope, node
    return None
