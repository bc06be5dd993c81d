"""Put an operator of ours into a graph, in the place of what it stands for."""

from dataclasses import dataclass, field
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

REST, FACTOR = 6, 9
"""Places of the first and the last input of an operator that belong to the table of binomial numbers."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """What all operators of a model share.

    Args:
        keys: of the calls, one for each operator.
        samples: the table at the model's number of samples: rest, width, cut and factor of a `Binomial`.
        base: the same for a first pass; None where there is one pass.
        table: bits, starts, cuts and outcomes of the table of binomial numbers.
        levels: how many levels a probability has.
        own: the same for operators that have a number of samples of their own.
    """

    keys: ir.Value
    samples: tuple[ir.Value, ...]
    base: tuple[ir.Value, ...] | None
    table: tuple[ir.Value, ...]
    levels: int
    own: dict[int, tuple[ir.Value, ...]] = field(default_factory=dict)

    @classmethod
    def added_to(
        cls,
        graph: ir.Graph,
        table: Table,
        *,
        levels: int,
        operators: int,
        samples: int,
        seed: int,
        base: int | None = None,
    ) -> Self:
        """Give a graph the inputs, with defaults, the table and the keys.

        Args:
            graph: still in float.
            table: of the binomial numbers.
            levels: how many levels a probability has.
            operators: how many there will be.
            samples: default of the model's input `samples`.
            seed: default of the model's input `seed`.
            base: default of the model's input `base`; None: it gets none.

        Raises:
            ModelError: the model has a value of such a name already.
        """
        taken = {value.name for value in (*graph.inputs, *graph.initializers.values())}
        taken |= {out.name for node in graph for out in node.outputs}
        wanted = {"samples": samples, "seed": seed} | ({} if base is None else {"base": base})
        for name in wanted:
            if name in taken:
                raise ModelError(f"the model has a value called {name!r}, the name of an input it would get; rename it")
        defaults = {name: constant(graph, name, np.int64(n)) for name, n in wanted.items()}
        graph.inputs.extend(defaults.values())
        parts = tuple(
            constant(graph, f"psb.{name}", getattr(table, name)) for name in ("bits", "starts", "cuts", "outcomes")
        )
        node_keys = constant(graph, "psb.keys", np.array([node_key(n) for n in range(operators)], dtype=np.uint64))
        keys = ir.node("Keys", inputs=[node_keys, defaults["seed"]], domain=DOMAIN, name="psb.keys")
        keys.outputs[0].name = "psb.call_keys"
        graph.insert_before(graph[0], [keys])
        drawn = {name: _binomial(graph, defaults[name], parts, levels) for name in wanted if name != "seed"}
        return cls(keys.outputs[0], drawn["samples"], drawn.get("base"), parts, levels)

    def at(self, graph: ir.Graph, samples: int | None) -> tuple[ir.Value, ...]:
        """The table at a number of samples; None: that of the model."""
        if samples is None:
            return self.samples
        if samples not in self.own:
            stored = constant(graph, f"psb.samples.{samples}", np.int64(samples))
            self.own[samples] = _binomial(graph, stored, self.table, self.levels)
        return self.own[samples]


def _binomial(graph: ir.Graph, samples: ir.Value, table: tuple[ir.Value, ...], levels: int) -> tuple[ir.Value, ...]:
    name = f"psb.table.{samples.name}"
    attributes = {"levels": levels}
    node = ir.node("Binomial", [samples, *table], attributes, domain=DOMAIN, num_outputs=4, name=name)
    for out, part in zip(node.outputs, ("rest", "width", "cut", "factor"), strict=True):
        out.name = f"{name}.{part}"
    graph.insert_before(graph[0], [node])
    return tuple(node.outputs)


def replace_target(graph: ir.Graph, target: Target, layer: Layer, inputs: Inputs) -> None:
    """Replace a target by its operator; what it makes keeps its name, type and shape."""
    weights, levels, name = layer.weights, layer.weights.levels, layer.name
    stored = [
        constant(graph, f"{name}.signs", planes(weights.negative, 1)),
        constant(graph, f"{name}.exponents", planes(weights.exponent, weights.exponent_bits)),
        constant(graph, f"{name}.levels", planes(weights.level, levels.bits)),
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
        return _shared(graph, label, np.array(known, dtype=np.int64)), []
    first = _shared(graph, "psb.from", np.array([2], dtype=np.int64))
    last = _shared(graph, "psb.to", np.array([np.iinfo(np.int64).max], dtype=np.int64))
    shape = ir.node("Shape", inputs=[x], name=f"{name}.shape")
    shape.outputs[0].name = f"{name}.shape"
    size = ir.node("Slice", inputs=[shape.outputs[0], first, last], name=f"{name}.size")
    size.outputs[0].name = f"{name}.size"
    return size.outputs[0], [shape, size]


def _shared(graph: ir.Graph, name: str, array: Any) -> ir.Value:
    return graph.initializers.get(name) or constant(graph, name, array)


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
    numbers = {
        "number": layer.number,
        "unit": 2.0**layer.weights.lowest,
        "shape": list(layer.shape),
        "step_in": 2.0**-layer.fraction_in,
        "step_out": 2.0**-layer.fraction_out,
        "per_image": int(layer.per_image),
    }
    return numbers | dict(layer.geometry)
