"""find_sites: every site of a model, in the order of the graph, with its name and its depth."""

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import onnx_ir as ir

from ..errors import ModelError, translate_errors
from . import fused, piecewise, smooth
from .definition import Recogniser, Site, Switch
from .graph_match import is_constant
from .unit_axis import UnitAxis, find_unit_axis

if TYPE_CHECKING:
    import networkx as nx

RECOGNISERS: tuple[Recogniser, ...] = (
    smooth.operator,
    smooth.arithmetic,
    piecewise.operator,
    piecewise.thresholded,
    piecewise.clip,
    piecewise.maximum,
    piecewise.where,
    piecewise.mask,
    fused.quantized,
    fused.runtime_gelu,
    fused.named_activation,
)
_SCOPES = "pkg.torch.onnx.name_scopes"


def find_sites(model: ir.Model) -> tuple[Site, ...]:
    """Find every use of a ReLU-like function in a model.

    Sites that cannot be analysed are listed with the reason: they are in the body of an If, a Loop or a Scan, or their
    pre-activation is not a value of the graph. Model-local functions must be inlined and shapes inferred, as
    `relucid.analyzer.model.load` does.

    Args:
        model: the model; it is not modified.

    Returns:
        The sites, in the order of the graph.

    Raises:
        ModelError: the argument is not an `onnx_ir.Model`, or its graph is invalid.

    >>> from relucid.analyzer import demo
    >>> from relucid.analyzer.model import load
    >>> [(site.name, site.kind, site.unit_axis) for site in find_sites(load(demo.model()).ir)][:2]
    [('stem.relu', 'relu', 1), ('fine.relu1', 'relu', 1)]
    """
    if not isinstance(model, ir.Model):
        raise ModelError(
            f"expected an onnx_ir.Model, got {type(model).__name__}; relucid.analyzer.model.load(...).ir is one"
        )
    return translate_errors("find the sites of", f"the graph {model.graph.name!r}", lambda: _sites_of(model))


def _sites_of(model: ir.Model) -> tuple[Site, ...]:
    nodes = _sort_nodes(model.graph)
    switches = find_switches(nodes)
    hidden = [(switch, reason) for node in nodes for switch, reason in _inside(node)]
    names = number_duplicates(
        [_site_name(s.node, s.kind) for s in switches] + [_site_name(s.node, s.kind) for s, _ in hidden]
    )
    depth_of = _depths(model.graph, [s.node.outputs[0] for s in switches])
    batch = _batch_dim(model.graph)
    sites = [
        _site(switch, name, depth_of.get(switch.node.outputs[0], 0), batch)
        for switch, name in zip(switches, names, strict=False)
    ]
    bodies = [
        Site(name=name, value=switch.z.name or "" if switch.z else "", kind=switch.kind, unit_axis=-1, reason=reason)
        for (switch, reason), name in zip(hidden, names[len(switches) :], strict=True)
    ]
    return (*sites, *bodies)


def find_switches(nodes: Iterable[ir.Node]) -> list[Switch]:
    """All switches among the nodes, in graph order; nodes that are part of another switch are not listed."""
    found = [switch for node in nodes if (switch := _recognise(node)) is not None]
    taken = {inner for switch in found for inner in switch.within if _only_used_in(switch, inner)}
    return [switch for switch in found if switch.node not in taken]


def _only_used_in(switch: Switch, inner: ir.Node) -> bool:
    """Whether only nodes of the switch read the outputs of `inner`; otherwise `inner` is a switch as well."""
    form = {switch.node, *switch.within}
    return all(not out.is_graph_output() and all(use.node in form for use in out.uses()) for out in inner.outputs)


def _recognise(node: ir.Node) -> Switch | None:
    for recogniser in RECOGNISERS:
        switch = recogniser(node)
        if switch is not None and (switch.reason is not None or _is_activation(switch.z)):
            return switch
    return None


def _is_activation(z: ir.Value | None) -> bool:
    """Whether a value can be a pre-activation: not if it is an integer, as indices and shapes are."""
    return z is not None and z.dtype not in {ir.DataType.INT32, ir.DataType.INT64}


def _site(switch: Switch, name: str, depth: int, batch: int | str | None) -> Site:
    z, reason = switch.z, switch.reason
    if z is not None and reason is None and is_constant(z):
        reason = "its input is a constant"
    found = find_unit_axis(z) if z is not None else UnitAxis(-1, "no pre-activation")
    shape = None if z is None or z.shape is None else tuple(_size(d) for d in z.shape)
    return Site(
        name=name,
        value=(z.name or "") if z is not None else "",
        kind=switch.kind,
        unit_axis=found.axis,
        activation=switch.node.outputs[0].name,
        rule=found.rule,
        threshold=switch.threshold,
        sample_axis=_sample_axis(shape, found.axis, batch),
        shape=shape,
        depth=depth,
        reason=reason or found.reason,
    )


def _inside(node: ir.Node) -> Iterator[tuple[Switch, str]]:
    """Yield the switches in the bodies of a node, with the reason why they cannot be analysed."""
    for body in _bodies(node):
        place = f"inside the body of {node.op_type} {node.name!r}"
        for switch in find_switches(body.all_nodes()):
            yield switch, f"{place}: a value inside it cannot be an output"


def _size(dim: int | ir.SymbolicDim) -> int | str | None:
    """A dimension; None for the names that shape inference generates, which differ between runs."""
    if isinstance(dim, int):
        return dim
    return None if dim.value is None or dim.value.startswith("unk__") else dim.value


def _batch_dim(graph: ir.Graph) -> int | str | None:
    """The first dimension of the first input that has one and no initializer."""
    for value in graph.inputs:
        if value.name not in graph.initializers and value.shape is not None and len(value.shape) > 0:
            return _size(value.shape[0])
    return None


def _sample_axis(shape: tuple[int | str | None, ...] | None, units: int, batch: int | str | None) -> int:
    """Axis 0, unless the size of the batch is that of exactly one other axis and not of axis 0.

    A numeric size may match by chance: it counts only if axis 0 cannot be the batch merged with other axes.
    """
    if shape is None or batch in (None, 0, 1) or not shape or shape[0] == batch:
        return 0
    places = [axis for axis, size in enumerate(shape) if size == batch and axis != units % len(shape)]
    merged = isinstance(batch, int) and _may_be_multiple(shape[0], batch)
    return places[0] if len(places) == 1 and not merged else 0


def _may_be_multiple(size: int | str | None, batch: int) -> bool:
    """Whether the size may be a multiple of the batch; a plain name is another dimension, an expression may be one."""
    if isinstance(size, str):
        return not size.isidentifier()
    return size is None or size % batch == 0


def _site_name(node: ir.Node, kind: str) -> str:
    """The name of a site: the path of the innermost module, the kind if that path is empty, else the node's name."""
    path = _module_path(node)
    if path is not None:
        return path or kind
    return node.name or node.outputs[0].name or kind


def number_duplicates(names: list[str]) -> list[str]:
    """Make names unique by numbering the second and later uses of each: `act`, `act#2`, `act#3`.

    >>> number_duplicates(["relu", "features.1", "relu", "relu"])
    ['relu', 'features.1', 'relu#2', 'relu#3']
    """
    given = set(names)
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        own = name
        while seen[name] > 1 and (own := f"{name}#{seen[name]}") in given:
            seen[name] += 1
        result.append(own)
    return result


def _module_path(node: ir.Node) -> str | None:
    """Path of the innermost module in the scopes that torch's dynamo exporter writes; None if there are none."""
    scopes = node.metadata_props.get(_SCOPES)
    if scopes is None:
        return None
    try:
        path = ast.literal_eval(scopes)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return str(path[-2]) if isinstance(path, list) and len(path) >= 2 else None


def _value_graph(graph: ir.Graph) -> "nx.DiGraph[ir.Value]":
    """A digraph with an edge from every input of a node, inputs of its bodies included, to each of its outputs."""
    import networkx as nx  # noqa: PLC0415 - slow to import, and only an analysis needs it

    values: nx.DiGraph[ir.Value] = nx.DiGraph()
    values.add_nodes_from(graph.inputs)
    for node in graph:
        read = {v for v in node.inputs if v is not None} | _read_inside(node)
        values.add_nodes_from(node.outputs)
        values.add_edges_from((source, made) for source in read for made in node.outputs)
    return values


def _sort_nodes(graph: ir.Graph) -> list[ir.Node]:
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


def _depths(graph: ir.Graph, marked: Collection[ir.Value]) -> dict[ir.Value, int]:
    """For each marked value, the number of other marked values on the longest path to it."""
    import networkx as nx  # noqa: PLC0415

    values = _value_graph(graph)
    chosen = set(marked)
    depth: dict[ir.Value, int] = {}
    for value in nx.topological_sort(values):
        depth[value] = max((depth[v] + (v in chosen) for v in values.predecessors(value)), default=0)
    return {value: depth[value] for value in chosen if value in depth}


def _read_inside(node: ir.Node) -> set[ir.Value]:
    """Values of the outer graph that the bodies of an If, Loop or Scan read."""
    return {
        value
        for body in _bodies(node)
        for inner in body.all_nodes()
        for value in inner.inputs
        if value is not None and value.graph is not body
    }


def _bodies(node: ir.Node) -> Iterator[ir.Graph]:
    """Yield the graphs that an If, Loop or Scan runs."""
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            yield attribute.as_graph()
        elif attribute.type == ir.AttributeType.GRAPHS:
            yield from attribute.as_graphs()
