"""Put an operator of ours into a graph, in the place of what it stands for."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import onnx_ir as ir

from ...analyzer.errors import ModelError
from .draws import Table
from .layer import Layer
from .operators import DOMAIN
from .packing import planes
from .targets import Target
from .words import node_key


@dataclass(frozen=True, eq=False)
class Inputs:
    """What all operators of a model share.

    Args:
        samples: the model's input that says how many samples to take.
        seed: the model's input that the draws depend on.
        table: bits, starts, cuts and outcomes of the table of binomial numbers.
    """

    samples: ir.Value
    seed: ir.Value
    table: tuple[ir.Value, ...]

    @classmethod
    def added_to(cls, graph: ir.Graph, table: Table, *, samples: int, seed: int) -> Self:
        """Give a graph the inputs, with defaults, and the table.

        Raises:
            ModelError: the model has a value of such a name already.
        """
        taken = {value.name for value in (*graph.inputs, *graph.initializers.values())}
        taken |= {out.name for node in graph for out in node.outputs}
        for name in ("samples", "seed"):
            if name in taken:
                raise ModelError(f"the model has a value called {name!r}, the name of an input it would get; rename it")
        defaults = [constant(graph, name, np.int64(n)) for name, n in (("samples", samples), ("seed", seed))]
        graph.inputs.extend(defaults)
        parts = [
            constant(graph, f"psb.{name}", getattr(table, name)) for name in ("bits", "starts", "cuts", "outcomes")
        ]
        return cls(samples=defaults[0], seed=defaults[1], table=tuple(parts))


def replace_target(graph: ir.Graph, target: Target, layer: Layer, inputs: Inputs) -> None:
    """Replace a target by its operator; what it makes keeps its name, type and shape."""
    weights, levels, name = layer.weights, layer.weights.levels, layer.name
    stored = [
        constant(graph, f"{name}.signs", planes(weights.negative, 1)),
        constant(graph, f"{name}.exponents", planes(weights.exponent, weights.exponent_bits)),
        constant(graph, f"{name}.levels", planes(weights.level, levels.bits)),
        constant(graph, f"{name}.bias", layer.bias),
    ]
    own = inputs.samples
    if layer.samples is not None:
        own = constant(graph, f"{name}.samples", np.int64(layer.samples))
    x = target.nodes[0].inputs[0]  # target.x may have been replaced by now
    before = [ir.node("Transpose", inputs=[x], attributes={"perm": [1, 0]})] if target.transposed else []
    x = before[0].outputs[0] if before else x
    operator = ir.node(
        layer.kind,
        inputs=[x, *stored, own, inputs.seed, *inputs.table],
        attributes=_attributes(layer),
        domain=DOMAIN,
        name=name,
    )
    nodes = list(target.nodes)
    ir.convenience.replace_nodes_and_values(graph, nodes[0], nodes, [*before, operator], [target.y], operator.outputs)


def constant(graph: ir.Graph, name: str, array: Any) -> ir.Value:
    """A new initializer, its name made new if it is taken."""
    while name in graph.initializers:
        name += "_"
    tensor = ir.tensor(np.asarray(array), name=name)
    value = ir.Value(
        name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(tensor.numpy().shape), const_value=tensor
    )
    graph.register_initializer(value)
    return value


def _attributes(layer: Layer) -> dict[str, Any]:
    key = int(node_key(layer.number).astype(np.int64))
    numbers = {
        "key": key,
        "unit": 2.0**layer.weights.lowest,
        "shape": list(layer.shape),
        "step_in": 2.0**-layer.fraction_in,
        "step_out": 2.0**-layer.fraction_out,
        "per_image": int(layer.per_image),
    }
    return numbers | dict(layer.geometry)
