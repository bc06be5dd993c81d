"""Copy a graph as its second pass: each layer uses the new values inside a mask, those of the first pass outside."""

from collections.abc import Iterable
from math import prod

import onnx_ir as ir

from ....analyzer.errors import ModelError
from ..ops.operators import DOMAIN
from ..rewriting.shared_inputs import FIRST_TABLE_INPUT, LAST_TABLE_INPUT, SharedInputs

_WITH_POSITIONS = frozenset({"Conv", "ConvTranspose", "Scale"})
_GRAPHS = frozenset({ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS})


def add_second_pass(graph: ir.Graph, mask: ir.Value, *, features: str, inputs: SharedInputs, first: int) -> None:
    """Copy the nodes that the outputs depend on; copies take over the names, originals are renamed to `*.base`.

    Args:
        graph: rewritten, with the nodes that compute the mask.
        mask: (sample, 1, position ...), 1 where the second pass is used.
        features: name of the value that the mask is computed from; layers that it does not depend on are not masked.
        inputs: of the model.
        first: number of the first operator of the second pass.

    Raises:
        ModelError: a node that has to be copied contains a graph.
    """
    values = {out.name: out for node in graph for out in node.outputs}
    masked = _producers([values[features]])
    needed = _producers(graph.outputs)
    copies: dict[ir.Value, ir.Value] = {}
    resized: dict[tuple[object, ...], ir.Value] = {}
    nodes: list[ir.Node] = []
    for node in list(graph):
        is_operator = node.domain == DOMAIN and len(node.inputs) > LAST_TABLE_INPUT
        if node in needed and (is_operator or any(value in copies for value in node.inputs if value is not None)):
            copy = _copy_node(node, copies)
            nodes.append(copy)
            if is_operator:
                copy.attributes["number"] = ir.AttrInt64("number", first)
                first += 1
                if node in masked and _has_positions(node, axes=len(mask.shape or ()) - 2):
                    nodes += _merge_passes(mask, copy, node.outputs[0], resized)
            copies |= {old: new for old, new in zip(node.outputs, copy.outputs, strict=True) if new.name}
            if nodes[-1] is not copy:
                copies[node.outputs[0]] = nodes[-1].outputs[0]
        if is_operator and inputs.base is not None and node.inputs[FIRST_TABLE_INPUT] is inputs.samples[0]:
            for index, value in enumerate(inputs.base, start=FIRST_TABLE_INPUT):
                node.replace_input_with(index, value)
    graph.extend(nodes)
    for old, new in copies.items():
        old.name, new.name = f"{old.name}.base", old.name
    for index, output in enumerate(graph.outputs):
        graph.outputs[index] = copies.get(output, output)


def _producers(values: Iterable[ir.Value]) -> set[ir.Node]:
    """All nodes that the values depend on."""
    found: set[ir.Node] = set()
    pending = [node for value in values if (node := value.producer()) is not None]
    while pending:
        node = pending.pop()
        if node not in found:
            found.add(node)
            producers = [value.producer() for value in node.inputs if value is not None]
            pending += [producer for producer in producers if producer is not None]
    return found


def _copy_node(node: ir.Node, copies: dict[ir.Value, ir.Value]) -> ir.Node:
    if any(attribute.type in _GRAPHS for attribute in node.attributes.values()):
        raise ModelError(
            f"attention: expected no node with a graph of its own, got {node.op_type} {node.name!r}; "
            "use attention='channels' or 'neuron'"
        )
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
    """Whether the output has as many axes of positions as the mask, and more than one position where that is known."""
    shape = node.outputs[0].shape
    if node.op_type not in _WITH_POSITIONS or shape is None or len(shape) != axes + 2:
        return False
    size = list(shape)[2:]
    return not all(isinstance(d, int) for d in size) or prod(d for d in size if isinstance(d, int)) > 1


def _merge_passes(
    mask: ir.Value, copy: ir.Node, base: ir.Value, resized: dict[tuple[object, ...], ir.Value]
) -> list[ir.Node]:
    """The nodes that select new values inside the mask and base values outside; each size of mask is computed once."""
    new = copy.outputs[0]
    shape = tuple(new.shape or ())
    size = shape[2:] if all(isinstance(d, int) for d in shape[2:]) else (new,)
    nodes = []
    if size not in resized:
        stretch = ir.node(f"Stretch{len(shape) - 2}", inputs=[mask, new], domain=DOMAIN, name=f"{copy.name}.mask")
        stretch.outputs[0].name = f"{copy.name}.mask"
        stretch.outputs[0].type = ir.TensorType(ir.DataType.BOOL)
        stretch.outputs[0].shape = ir.Shape([shape[0], 1, *shape[2:]])
        resized[size] = stretch.outputs[0]
        nodes.append(stretch)
    where = ir.node("Where", inputs=[resized[size], new, base], name=f"{copy.name}.attention")
    where.outputs[0].type, where.outputs[0].shape = new.type, new.shape
    where.outputs[0].name = f"{base.name}.attention"
    return [*nodes, where]
