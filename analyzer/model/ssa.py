"""Whether the values of a graph fit together: each is made once, and whatever is read is made somewhere."""

from collections.abc import Iterable, Iterator

import onnx

from ..errors import ModelError


def check_ssa(proto: onnx.ModelProto, name: str) -> None:
    """Refuse a model whose graph reads a value nobody makes, or makes one twice.

    The order of the nodes is free, and a name left empty stands for nothing.

    Args:
        proto: the model.
        name: what to call it in messages.

    Raises:
        ModelError: a value is missing or made twice.
    """
    if proto.graph.sparse_initializer:
        raise ModelError(f"{name} has sparse initializers, which are not supported; save it with dense weights")
    for problem in (*_problems(proto.graph, frozenset()), *_problems_in_functions(proto)):
        raise ModelError(f"{name} is damaged: {problem}")


def _problems(graph: onnx.GraphProto, outside: frozenset[str]) -> Iterator[str]:
    fed = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    fed |= {tensor.values.name for tensor in graph.sparse_initializer}
    yield from _problems_of(graph.node, fed, [value.name for value in graph.output], outside)


def _problems_in_functions(proto: onnx.ModelProto) -> Iterator[str]:
    for function in proto.functions:
        yield from _problems_of(function.node, set(function.input), function.output, frozenset())


def _problems_of(
    nodes: Iterable[onnx.NodeProto], fed: Iterable[str], wanted: Iterable[str], outside: frozenset[str]
) -> Iterator[str]:
    made = set(fed)
    for node in nodes:
        for output in filter(None, node.output):
            if output in made:
                yield f"the value {output!r} is made twice, the second time by {_called(node)}"
            made.add(output)
    known = outside | made
    for node in nodes:
        for value in filter(None, node.input):
            if value not in known:
                yield f"{_called(node)} reads the value {value!r}, which nothing makes"
        for attribute in node.attribute:
            for body in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _problems(body, known)
    for value in wanted:
        if value not in known:
            yield f"its output {value!r} is made by no node"


def _called(node: onnx.NodeProto) -> str:
    return f"the node {node.name!r} ({node.op_type})" if node.name else f"a node {node.op_type}"
