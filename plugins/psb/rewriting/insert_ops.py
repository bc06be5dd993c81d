"""Put an operator of ours into a graph, in the place of what it stands for."""

from typing import Any

import numpy as np
import onnx_ir as ir

from ..encoding.packing import planes
from ..layer import Layer
from ..ops.operators import DOMAIN
from .constants import constant, shared
from .shared_inputs import Inputs
from .targets import Target


def replace_target(graph: ir.Graph, target: Target, layer: Layer, inputs: Inputs) -> None:
    """Replace a target by its operator; what it makes keeps its name, type and shape."""
    weights, name = layer.weights, layer.name
    codes, bits = inputs.codes(layer)
    stored = [
        constant(graph, f"{name}.signs", planes(weights.negative, 1)),
        constant(graph, f"{name}.exponents", planes(weights.exponent, weights.exponent_bits)),
        constant(graph, f"{name}.levels", planes(codes, bits)),
        constant(graph, f"{name}.bias", layer.bias),
    ]
    x = target.nodes[0].inputs[0]  # target.x may have been replaced by now
    before = [ir.node("Transpose", inputs=[x], attributes={"perm": [1, 0]})] if target.transposed else []
    x = before[0].outputs[0] if before else x
    reads = [x, *stored, inputs.keys, *inputs.at(graph, layer.samples)]
    if layer.geometry and x is not None:
        size, made = _size(graph, x, name)
        reads, before = [*reads, size], [*before, *made]
    operator = ir.node(layer.kind, inputs=reads, attributes=_attributes(layer), domain=DOMAIN, name=name)
    nodes = list(target.nodes)
    ir.convenience.replace_nodes_and_values(graph, nodes[0], nodes, [*before, operator], [target.y], operator.outputs)


def _size(graph: ir.Graph, x: ir.Value, name: str) -> tuple[ir.Value, list[ir.Node]]:
    """Positions of an array by axis: a constant where they are known, so that a runtime computes with it at once."""
    known = [] if x.shape is None else [d for d in list(x.shape)[2:] if isinstance(d, int)]
    if x.shape is not None and len(known) == len(x.shape) - 2:
        label = f"psb.size.{'x'.join(map(str, known))}"
        return shared(graph, label, np.array(known, dtype=np.int64)), []
    first = shared(graph, "psb.from", np.array([2], dtype=np.int64))
    last = shared(graph, "psb.to", np.array([np.iinfo(np.int64).max], dtype=np.int64))
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
