"""Replace nodes of a graph by PSB operators."""

from typing import Any

import numpy as np
import onnx_ir as ir

from ..encoding.packing import to_bit_planes
from ..layer import Layer
from ..ops.operators import DOMAIN
from .constants import add_constant, get_or_add_constant
from .shared_inputs import SharedInputs
from .targets import Target


def replace_target(graph: ir.Graph, target: Target, layer: Layer, inputs: SharedInputs) -> None:
    """Replace a target by its operator; the output keeps its name, type and shape."""
    weights, name = layer.weights, layer.name
    rows, bits = inputs.table_rows(layer)
    constants = [
        add_constant(graph, f"{name}.signs", to_bit_planes(weights.negative, 1)),
        add_constant(graph, f"{name}.exponents", to_bit_planes(weights.exponent, weights.exponent_bits)),
        add_constant(graph, f"{name}.levels", to_bit_planes(rows, bits)),
        add_constant(graph, f"{name}.bias", layer.bias),
    ]
    x = target.nodes[0].inputs[0]  # target.x may have been replaced already
    before = [ir.node("Transpose", inputs=[x], attributes={"perm": [1, 0]})] if target.transposed else []
    x = before[0].outputs[0] if before else x
    operands = [x, *constants, inputs.keys, *inputs.table_at(graph, layer.samples)]
    if layer.geometry and x is not None:
        size, nodes = _input_size(graph, x, name)
        operands, before = [*operands, size], [*before, *nodes]
    operator = ir.node(layer.kind, inputs=operands, attributes=_attributes(layer), domain=DOMAIN, name=name)
    nodes = list(target.nodes)
    ir.convenience.replace_nodes_and_values(graph, nodes[0], nodes, [*before, operator], [target.y], operator.outputs)


def _input_size(graph: ir.Graph, x: ir.Value, name: str) -> tuple[ir.Value, list[ir.Node]]:
    """The number of positions of x by axis, and the nodes that compute it; a constant where the shape is known.

    With a constant, a runtime can evaluate what depends on it when it loads the model.
    """
    known = [] if x.shape is None else [d for d in list(x.shape)[2:] if isinstance(d, int)]
    if x.shape is not None and len(known) == len(x.shape) - 2:
        label = f"psb.size.{'x'.join(map(str, known))}"
        return get_or_add_constant(graph, label, np.array(known, dtype=np.int64)), []
    first = get_or_add_constant(graph, "psb.from", np.array([2], dtype=np.int64))
    last = get_or_add_constant(graph, "psb.to", np.array([np.iinfo(np.int64).max], dtype=np.int64))
    shape = ir.node("Shape", inputs=[x], name=f"{name}.shape")
    shape.outputs[0].name = f"{name}.shape"
    size = ir.node("Slice", inputs=[shape.outputs[0], first, last], name=f"{name}.size")
    size.outputs[0].name = f"{name}.size"
    return size.outputs[0], [shape, size]


def _attributes(layer: Layer) -> dict[str, Any]:
    numbers = {
        "number": layer.number,
        "unit": 2.0**layer.weights.lowest,
        "shape": list(layer.shape),
        "step_in": 2.0**-layer.fraction_in,
        "step_out": 2.0**-layer.fraction_out,
        "per_image": int(layer.per_image),
    }
    return numbers | dict(layer.geometry)
