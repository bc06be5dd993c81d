"""What `rewrite` gives: the graph of a rewritten model, and what became of its nodes."""

from dataclasses import dataclass

import onnx_ir as ir

from .draws import Table
from .layer import Layer
from .targets import Left


@dataclass(frozen=True, eq=False)
class Rewritten:
    """A model whose multiplications are random shifts.

    Args:
        ir: the graph; its inputs `samples` and `seed` have defaults.
        layers: what was rewritten, in the graph's order.
        left: what multiplies and stays in float, with the reason.
        table: of the binomial numbers.
    """

    ir: ir.Model
    layers: tuple[Layer, ...]
    left: tuple[Left, ...]
    table: Table
