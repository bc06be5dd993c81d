"""What all operators of a rewritten model read: its samples, its seed, and the tables and keys made of them."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.errors import ModelError
from ..attention.weight_attention import to_codes
from ..encoding.binomial_table import Table
from ..encoding.counter_rng import node_key
from ..layer import Layer
from ..ops.operators import DOMAIN
from .constants import constant

REST, FACTOR = 6, 9
"""Places of the first and the last input of an operator that belong to the table of binomial numbers."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """What all operators of a model share.

    Args:
        keys: of the calls, one for each operator.
        samples: the table at the model's number of samples: rest, width, cut and factor of a `Binomial`; with
            attention by weights those of a `Join`.
        base: the same for a first pass; None where there is one pass.
        table: bits, starts, cuts and outcomes of the table of binomial numbers.
        levels: how many levels a probability has.
        rows: with attention by weights, which rows the `Join` reads; as `rows_of` has it.
        own: the table for operators that have a number of samples of their own.
    """

    keys: ir.Value
    samples: tuple[ir.Value, ...]
    base: tuple[ir.Value, ...] | None
    table: tuple[ir.Value, ...]
    levels: int
    rows: NDArray[np.int64] | None = None
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
        rows: NDArray[np.int64] | None = None,
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
            rows: with attention by weights, as `rows_of` has it.

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
        if rows is None:
            return cls(keys.outputs[0], drawn["samples"], drawn.get("base"), parts, levels)
        joined = _joined(graph, drawn["base"], drawn["samples"], rows)
        return cls(keys.outputs[0], joined, None, parts, levels, rows)

    def at(self, graph: ir.Graph, samples: int | None) -> tuple[ir.Value, ...]:
        """The table at a number of samples; None: that of the model."""
        if samples is None:
            return self.samples
        if samples not in self.own:
            stored = constant(graph, f"psb.samples.{samples}", np.int64(samples))
            self.own[samples] = _binomial(graph, stored, self.table, self.levels)
        return self.own[samples]

    def codes(self, layer: Layer) -> tuple[NDArray[np.int64], int]:
        """Which row of its table each weight reads (weight,), and the bits of that number."""
        weights = layer.weights
        if self.rows is None or layer.refined is None:
            return weights.level, weights.levels.bits
        codes = to_codes(weights.level, layer.refined, self.rows, levels=self.levels)
        return codes, (len(self.rows) - 1).bit_length()


def _binomial(graph: ir.Graph, samples: ir.Value, table: tuple[ir.Value, ...], levels: int) -> tuple[ir.Value, ...]:
    node = _table("Binomial", f"psb.table.{samples.name}", [samples, *table], {"levels": levels})
    graph.insert_before(graph[0], [node])
    return tuple(node.outputs)


def _joined(
    graph: ir.Graph, base: tuple[ir.Value, ...], refined: tuple[ir.Value, ...], rows: NDArray[np.int64]
) -> tuple[ir.Value, ...]:
    node = _table("Join", "psb.table.joined", [*base, *refined, constant(graph, "psb.table.rows", rows)], {})
    makers = {value.producer() for value in (*base, *refined)}
    last = next(maker for maker in reversed(list(graph)) if maker in makers)
    graph.insert_after(last, [node])
    return tuple(node.outputs)


def _table(op_type: str, name: str, reads: list[ir.Value], attributes: dict[str, int]) -> ir.Node:
    node = ir.node(op_type, reads, attributes, domain=DOMAIN, num_outputs=4, name=name)
    for out, part in zip(node.outputs, ("rest", "width", "cut", "factor"), strict=True):
        out.name = f"{name}.{part}"
    return node
