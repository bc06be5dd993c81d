"""A copy of a graph as its second pass: each layer takes new numbers inside a mask and those of the first outside."""

from collections.abc import Iterable
from math import prod

import onnx_ir as ir

from ....analyzer.errors import ModelError
from ..ops.operators import DOMAIN
from ..rewriting.shared_inputs import FACTOR, REST, Inputs

_WITH_POSITIONS = frozenset({"Conv", "ConvTranspose", "Scale"})


def add_second_pass(graph: ir.Graph, mask: ir.Value, *, features: str, inputs: Inputs, first: int) -> None:
    """Copy what the outputs are made by; the copies take over the names, and what was there is called `*.base`.

    Args:
        graph: rewritten, with the nodes that make the mask.
        mask: (sample, 1, position ...), 1 where the second pass counts.
        features: name of the value the mask is made at; what it is not made by has no positions.
        inputs: of the model.
        first: number of the first operator of the second pass.

    Raises:
        ModelError: a node that would have to be copied has a graph of its own.
    """
    made = {out.name: out for node in graph for out in node.outputs}
    masked = _before([made[features]])
    wanted = _before(graph.outputs)
    copies: dict[ir.Value, ir.Value] = {}
    stretched: dict[tuple[object, ...], ir.Value] = {}
    nodes: list[ir.Node] = []
    for node in list(graph):
        ours = node.domain == DOMAIN and len(node.inputs) > FACTOR
        if node in wanted and (ours or any(value in copies for value in node.inputs if value is not None)):
            copy = _copy(node, copies)
            nodes.append(copy)
            if ours:
                copy.attributes["number"] = ir.AttrInt64("number", first)
                first += 1
                if node in masked and _has_positions(node, axes=len(mask.shape or ()) - 2):
                    nodes += _inside(mask, copy, node.outputs[0], stretched)
            copies |= {old: new for old, new in zip(node.outputs, copy.outputs, strict=True) if new.name}
            if nodes[-1] is not copy:
                copies[node.outputs[0]] = nodes[-1].outputs[0]
        if ours and inputs.base is not None and node.inputs[REST] is inputs.samples[0]:
            for place, value in enumerate(inputs.base, start=REST):
                node.replace_input_with(place, value)
    graph.extend(nodes)
    for old, new in copies.items():
        old.name, new.name = f"{old.name}.base", old.name
    for place, output in enumerate(graph.outputs):
        graph.outputs[place] = copies.get(output, output)


def _before(values: Iterable[ir.Value]) -> set[ir.Node]:
    """Every node that takes part in making the values."""
    found: set[ir.Node] = set()
    waiting = [node for value in values if (node := value.producer()) is not None]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [maker for value in node.inputs if value is not None and (maker := value.producer()) is not None]
    return found


def _copy(node: ir.Node, copies: dict[ir.Value, ir.Value]) -> ir.Node:
    if any(True for attribute in node.attributes.values() if attribute.type in _GRAPHS):
        raise ModelError(f"attention would have to copy {node.op_type} {node.name!r}, which has a graph of its own")
    inputs = [value if value is None else copies.get(value, value) for value in node.inputs]
    copy = ir.Node(
        node.domain,
        node.op_type,
        inputs,
        list(node.attributes.values()),
        overload=node.overload,
        num_outputs=len(node.outputs),
        name=node.name,
    )
    node.name = f"{node.name}.base"
    for old, new in zip(node.outputs, copy.outputs, strict=True):
        new.type, new.shape, new.name = old.type, old.shape, old.name and f"{old.name}.refined"
    return copy


def _has_positions(node: ir.Node, *, axes: int) -> bool:
    """Whether its output has as many axes of positions as the mask, and more than one position, as far as is known."""
    shape = node.outputs[0].shape
    if node.op_type not in _WITH_POSITIONS or shape is None or len(shape) != axes + 2:
        return False
    size = list(shape)[2:]
    return not all(isinstance(d, int) for d in size) or prod(d for d in size if isinstance(d, int)) > 1


def _inside(
    mask: ir.Value, copy: ir.Node, base: ir.Value, stretched: dict[tuple[object, ...], ir.Value]
) -> list[ir.Node]:
    """The nodes that put the new values inside the mask and the old ones outside; masks of one size are made once."""
    new = copy.outputs[0]
    shape = tuple(new.shape or ())
    size = shape[2:] if all(isinstance(d, int) for d in shape[2:]) else (new,)
    nodes = []
    if size not in stretched:
        stretch = ir.node(f"Stretch{len(shape) - 2}", inputs=[mask, new], domain=DOMAIN, name=f"{copy.name}.mask")
        stretch.outputs[0].name = f"{copy.name}.mask"
        stretch.outputs[0].type = ir.TensorType(ir.DataType.BOOL)
        stretch.outputs[0].shape = ir.Shape([shape[0], 1, *shape[2:]])
        stretched[size] = stretch.outputs[0]
        nodes.append(stretch)
    where = ir.node("Where", inputs=[stretched[size], new, base], name=f"{copy.name}.attention")
    where.outputs[0].type, where.outputs[0].shape = new.type, new.shape
    where.outputs[0].name = f"{base.name}.attention"
    return [*nodes, where]


_GRAPHS = frozenset({ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS})
