"""find_sites: every site of a model, in the order of the graph."""

from collections.abc import Iterable, Iterator

import onnx_ir as ir

from ..errors import ModelError, translate_errors
from . import fused, piecewise, smooth
from .definition import Recogniser, Site, Switch
from .graph import depths, sort_nodes
from .graph_match import is_constant
from .names import site_name, unique
from .unit_axis import UnitAxis, find_unit_axis

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
    nodes = sort_nodes(model.graph)
    switches = find_switches(nodes)
    hidden = [(switch, reason) for node in nodes for switch, reason in _inside(node)]
    names = unique([site_name(s.node, s.kind) for s in switches] + [site_name(s.node, s.kind) for s, _ in hidden])
    depth_of = depths(model.graph, [s.node.outputs[0] for s in switches])
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
    for attribute in node.attributes.values():
        bodies: Iterable[ir.Graph] = ()
        if attribute.type == ir.AttributeType.GRAPH:
            bodies = (attribute.as_graph(),)
        elif attribute.type == ir.AttributeType.GRAPHS:
            bodies = attribute.as_graphs()
        for body in bodies:
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
