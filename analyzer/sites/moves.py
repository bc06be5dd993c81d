"""Where an axis goes when an operator rearranges axes: Transpose, Reshape, Squeeze and their like."""

from collections.abc import Callable
from dataclasses import dataclass

import onnx_ir as ir

from .constants import is_constant, tensor_of
from .match import input_of, number_of


@dataclass(frozen=True)
class UnitAxis:
    """An axis (negative: counted from the end) and the rule that found it, in words.

    Args:
        axis: where the units stand.
        rule: why there.
        reason: why no axis of what a runtime shows holds the units; None where one does.
    """

    axis: int
    rule: str
    reason: str | None = None


def rank(value: ir.Value | None) -> int | None:
    """How many axes the value has, if that is known."""
    return None if value is None or value.shape is None else len(value.shape)


def sizes(value: ir.Value | None) -> list[int | None]:
    """The declared sizes of the axes of a value, None where one is not fixed; empty if the rank is not known."""
    if value is None or value.shape is None:
        return []
    return [d if isinstance(d, int) else None for d in value.shape]


def from_end(axis: int, value: ir.Value) -> int:
    """A negative axis of the value, counted from its beginning if its rank is known."""
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
    """Where the units stand after a Reshape, by the first of these that applies.

    1. The axis of equal size with the same number of entries behind it.
    2. The same place, where all sizes up to it are the same and what is behind it is not known.
    3. The axis into which it was merged, or the innermost of those into which it was split, as attention splits
       channels into heads. A vector that is unfolded into an image is no such case: nothing is known of it.
    4. The last of two axes: everything was flattened.
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
    """The axis in which a step over so many entries is a step of less than its whole length."""
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
        return UnitAxis(from_end(-1, node.outputs[0]), "Gather looks it up in a table: last axis")
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
"""By operator: the axis of what it makes, from the axis of its first input; None where that is not known."""


def _axes(node: ir.Node) -> list[int] | None:
    """The axes of a Squeeze, Unsqueeze or Reduce, from its attribute or its second input; None if not fixed."""
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
