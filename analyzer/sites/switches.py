"""All switches of a graph: the recognisers, in the order they are asked."""

from collections.abc import Iterable

import onnx_ir as ir

from . import fused, piecewise, smooth
from .switch import Recogniser, Switch

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
    fused.fused,
)


def find_switches(nodes: Iterable[ir.Node]) -> list[Switch]:
    """All switches among the nodes, in their order; a node inside a larger form is not listed again."""
    found = [switch for node in nodes if (switch := _recognise(node)) is not None]
    taken = {inner for switch in found for inner in switch.within if _only_used_in(switch, inner)}
    return [switch for switch in found if switch.node not in taken]


def _only_used_in(switch: Switch, inner: ir.Node) -> bool:
    """Whether nobody outside the form reads what the inner node makes; else it is a switch of its own as well."""
    form = {switch.node, *switch.within}
    return all(not out.is_graph_output() and all(use.node in form for use in out.uses()) for out in inner.outputs)


def _recognise(node: ir.Node) -> Switch | None:
    for recogniser in RECOGNISERS:
        switch = recogniser(node)
        if switch is not None and (switch.reason is not None or _is_activation(switch.z)):
            return switch
    return None


def _is_activation(z: ir.Value | None) -> bool:
    """Whether a value can be a pre-activation: whole numbers are places and sizes that a model reckons with."""
    return z is not None and z.dtype not in {ir.DataType.INT32, ir.DataType.INT64}
