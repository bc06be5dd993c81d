"""Small questions about the neighbourhood of a node, asked by every recogniser."""

from collections.abc import Iterator

import onnx_ir as ir

from .constants import is_constant


def made_by(value: ir.Value | None, *op_types: str) -> ir.Node | None:
    """The standard node of one of these types that makes the value, if one does."""
    node = value.producer() if value is not None else None
    return node if node is not None and node.op_type in op_types and not node.domain else None


def input_of(node: ir.Node, place: int) -> ir.Value | None:
    """The input at this place; None where it was left out."""
    return node.inputs[place] if place < len(node.inputs) else None


def number_of(node: ir.Node, name: str, default: float) -> float:
    """A numeric attribute of the node."""
    attribute = node.attributes.get(name)
    return default if attribute is None or attribute.is_ref() else float(attribute.value)


def pairs(node: ir.Node | None, op_type: str) -> Iterator[tuple[ir.Value, ir.Value]]:
    """Both orders of the two inputs of a commutative node of this type."""
    if node is not None and node.op_type == op_type and not node.domain and len(node.inputs) == 2:
        first, second = node.inputs
        if first is not None and second is not None:
            yield first, second
            yield second, first


def slope_of(value: ir.Value | None, z: ir.Value) -> tuple[ir.Value, ir.Node] | None:
    """The constant c and the node, where the value is c z."""
    node = made_by(value, "Mul")
    for slope, other in pairs(node, "Mul"):
        if node is not None and other is z and is_constant(slope):
            return slope, node
    return None
