"""What all operators of a model share: its inputs `samples`, `base` and `seed`, the binomial table and the keys."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.errors import ModelError
from ..attention.weight_attention import to_table_rows
from ..encoding.binomial_table import BinomialTable
from ..encoding.counter_rng import node_key
from ..layer import Layer
from ..ops.operators import DOMAIN
from .constants import add_constant

FIRST_TABLE_INPUT, LAST_TABLE_INPUT = 6, 9
"""Indices of the inputs of an operator that hold the table at one number of samples: rest, width, cut and factor."""


@dataclass(frozen=True, eq=False)
class SharedInputs:
    """Values of a graph that all its operators read.

    Args:
        keys: the key of each operator in this call.
        samples: the table at the model's number of samples, four outputs of a `Binomial`: rest, width, cut and factor;
            with attention by weights, those of a `Join`.
        base: the same for the first of two passes; None with a single pass.
        table: the whole binomial table: bits, starts, cuts and outcomes.
        levels: number of levels of a probability.
        rows: with attention by weights, the rows that the `Join` selects, from `joined_rows`.
        by_samples: the table at the numbers of samples that single operators have, added on demand.
    """

    keys: ir.Value
    samples: tuple[ir.Value, ...]
    base: tuple[ir.Value, ...] | None
    table: tuple[ir.Value, ...]
    levels: int
    rows: NDArray[np.int64] | None = None
    by_samples: dict[int, tuple[ir.Value, ...]] = field(default_factory=dict)

    @classmethod
    def add_to(
        cls,
        graph: ir.Graph,
        table: BinomialTable,
        *,
        levels: int,
        operators: int,
        samples: int,
        seed: int,
        base: int | None = None,
        rows: NDArray[np.int64] | None = None,
    ) -> Self:
        """Add the inputs, with defaults, the table and the keys to a graph.

        Args:
            graph: still in float.
            table: binomial random numbers.
            levels: number of levels of a probability.
            operators: number of operators that will be added.
            samples: default of the input `samples`.
            seed: default of the input `seed`.
            base: default of the input `base`; None: no such input.
            rows: with attention by weights, from `joined_rows`.

        Raises:
            ModelError: the model has a value of such a name already.
        """
        taken = {value.name for value in (*graph.inputs, *graph.initializers.values())}
        taken |= {out.name for node in graph for out in node.outputs}
        numbers = {"samples": samples, "seed": seed} | ({} if base is None else {"base": base})
        for name in numbers:
            if name in taken:
                raise ModelError(
                    f"expected no value named {name!r}, the name of an added input, got one; rename it in the model"
                )
        defaults = {name: add_constant(graph, name, np.int64(n)) for name, n in numbers.items()}
        graph.inputs.extend(defaults.values())
        parts = tuple(
            add_constant(graph, f"psb.{name}", getattr(table, name)) for name in ("bits", "starts", "cuts", "outcomes")
        )
        node_keys = add_constant(graph, "psb.keys", np.array([node_key(n) for n in range(operators)], dtype=np.uint64))
        keys = ir.node("Keys", inputs=[node_keys, defaults["seed"]], domain=DOMAIN, name="psb.keys")
        keys.outputs[0].name = "psb.call_keys"
        graph.insert_before(graph[0], [keys])
        tables = {name: _add_binomial(graph, defaults[name], parts, levels) for name in numbers if name != "seed"}
        if rows is None:
            return cls(keys.outputs[0], tables["samples"], tables.get("base"), parts, levels)
        joined = _add_join(graph, tables["base"], tables["samples"], rows)
        return cls(keys.outputs[0], joined, None, parts, levels, rows)

    def table_at(self, graph: ir.Graph, samples: int | None) -> tuple[ir.Value, ...]:
        """The table at a number of samples; None: that of the model."""
        if samples is None:
            return self.samples
        if samples not in self.by_samples:
            constant = add_constant(graph, f"psb.samples.{samples}", np.int64(samples))
            self.by_samples[samples] = _add_binomial(graph, constant, self.table, self.levels)
        return self.by_samples[samples]

    def table_rows(self, layer: Layer) -> tuple[NDArray[np.int64], int]:
        """The row of the table that each weight of a layer reads (weight,), and the number of bits of a row index."""
        weights = layer.weights
        if self.rows is None or layer.refined is None:
            return weights.level, weights.levels.bits
        rows = to_table_rows(weights.level, layer.refined, self.rows, levels=self.levels)
        return rows, (len(self.rows) - 1).bit_length()


def _add_binomial(graph: ir.Graph, samples: ir.Value, table: tuple[ir.Value, ...], levels: int) -> tuple[ir.Value, ...]:
    node = _table_node("Binomial", f"psb.table.{samples.name}", [samples, *table], {"levels": levels})
    graph.insert_before(graph[0], [node])
    return tuple(node.outputs)


def _add_join(
    graph: ir.Graph, base: tuple[ir.Value, ...], refined: tuple[ir.Value, ...], rows: NDArray[np.int64]
) -> tuple[ir.Value, ...]:
    operands = [*base, *refined, add_constant(graph, "psb.table.rows", rows)]
    node = _table_node("Join", "psb.table.joined", operands, {})
    producers = {value.producer() for value in (*base, *refined)}
    last = next(producer for producer in reversed(list(graph)) if producer in producers)
    graph.insert_after(last, [node])
    return tuple(node.outputs)


def _table_node(op_type: str, name: str, operands: list[ir.Value], attributes: dict[str, int]) -> ir.Node:
    node = ir.node(op_type, operands, attributes, domain=DOMAIN, num_outputs=4, name=name)
    for out, part in zip(node.outputs, ("rest", "width", "cut", "factor"), strict=True):
        out.name = f"{name}.{part}"
    return node
