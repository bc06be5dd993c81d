"""Single static assignment: every value of a graph is produced once, and every value that is read is produced."""

from collections.abc import Iterable, Iterator

import onnx

from ..errors import ModelError


def check_ssa(proto: onnx.ModelProto, name: str) -> None:
    """Check that every value is produced exactly once before anything else reads the graph.

    Nodes may be in any order, and an empty name means an absent value.

    Args:
        proto: the model.
        name: name of the model in messages.

    Raises:
        ModelError: a value that is read is produced by no node, or a value is produced twice.
    """
    if proto.graph.sparse_initializer:
        raise ModelError(f"{name}: expected dense weights, got sparse initializers; save it with dense weights")
    for problem in (*_find_problems(proto.graph, frozenset()), *_find_problems_in_functions(proto)):
        raise ModelError(f"{name}: expected a valid graph, got one in which {problem}; export it again")


def _find_problems(graph: onnx.GraphProto, outside: frozenset[str]) -> Iterator[str]:
    given = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    given |= {tensor.values.name for tensor in graph.sparse_initializer}
    yield from _find_problems_of_nodes(graph.node, given, [value.name for value in graph.output], outside)


def _find_problems_in_functions(proto: onnx.ModelProto) -> Iterator[str]:
    for function in proto.functions:
        yield from _find_problems_of_nodes(function.node, set(function.input), function.output, frozenset())


def _find_problems_of_nodes(
    nodes: Iterable[onnx.NodeProto], given: Iterable[str], outputs: Iterable[str], outside: frozenset[str]
) -> Iterator[str]:
    """Problems of nodes with given values, expected outputs, and the values of the outer graphs."""
    produced = set(given)
    for node in nodes:
        for output in filter(None, node.output):
            if output in produced:
                yield f"the value {output!r} is produced twice, the second time by {_format_node(node)}"
            produced.add(output)
    known = outside | produced
    for node in nodes:
        for value in filter(None, node.input):
            if value not in known:
                yield f"{_format_node(node)} reads the value {value!r}, which no node produces"
        for attribute in node.attribute:
            for body in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _find_problems(body, known)
    for value in outputs:
        if value not in known:
            yield f"no node produces the output {value!r}"


def _format_node(node: onnx.NodeProto) -> str:
    return f"the node {node.name!r} ({node.op_type})" if node.name else f"a node {node.op_type}"
