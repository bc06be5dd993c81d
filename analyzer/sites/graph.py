"""Order and depth of the values of a graph, computed with networkx."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import onnx_ir as ir

if TYPE_CHECKING:
    import networkx as nx


def value_graph(graph: ir.Graph) -> "nx.DiGraph[ir.Value]":
    """A digraph with an edge from every input of a node, inputs of its bodies included, to each of its outputs."""
    import networkx as nx  # noqa: PLC0415 - slow to import, and only an analysis needs it

    values: nx.DiGraph[ir.Value] = nx.DiGraph()
    values.add_nodes_from(graph.inputs)
    for node in graph:
        read = {v for v in node.inputs if v is not None} | _read_inside(node)
        values.add_nodes_from(node.outputs)
        values.add_edges_from((source, made) for source in read for made in node.outputs)
    return values


def sort_nodes(graph: ir.Graph) -> list[ir.Node]:
    """Sort the nodes topologically, in the order of the graph where it is topological.

    Raises:
        networkx.NetworkXUnfeasible: the graph has a cycle.
    """
    import networkx as nx  # noqa: PLC0415

    place = {node: i for i, node in enumerate(graph)}
    order = nx.DiGraph()
    order.add_nodes_from(place)
    for node in graph:
        makers = {v.producer() for v in (*node.inputs, *_read_inside(node)) if v is not None}
        order.add_edges_from((maker, node) for maker in makers if maker in place)
    return list(nx.lexicographical_topological_sort(order, key=place.__getitem__))


def depths(graph: ir.Graph, marked: Collection[ir.Value]) -> dict[ir.Value, int]:
    """For each marked value, the number of other marked values on the longest path to it."""
    import networkx as nx  # noqa: PLC0415

    values = value_graph(graph)
    chosen = set(marked)
    depth: dict[ir.Value, int] = {}
    for value in nx.topological_sort(values):
        depth[value] = max((depth[v] + (v in chosen) for v in values.predecessors(value)), default=0)
    return {value: depth[value] for value in chosen if value in depth}


def _read_inside(node: ir.Node) -> set[ir.Value]:
    """Values of the outer graph that the bodies of an If, Loop or Scan read."""
    read: set[ir.Value] = set()
    for attribute in node.attributes.values():
        bodies = _bodies(attribute)
        for body in bodies:
            for inner in body.all_nodes():
                read.update(v for v in inner.inputs if v is not None and v.graph is not body)
    return read


def _bodies(attribute: ir.Attr) -> tuple[ir.Graph, ...]:
    if attribute.type == ir.AttributeType.GRAPH:
        return (attribute.as_graph(),)
    if attribute.type == ir.AttributeType.GRAPHS:
        return tuple(attribute.as_graphs())
    return ()
