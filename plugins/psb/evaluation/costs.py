"""Cost of a rewritten model on dedicated hardware: shifts, additions, random bits. Thesis, section 4.2.5."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.errors import OptionError
from ....analyzer.model.loading import parse
from ..ops.operators import DOMAIN
from ..rewriting.rewriter import Rewritten
from .node_costs import NodeCost, find_shapes, node_cost
from .read_layers import extract_layers, extract_table, samples_of, weight_bits_of

DEFAULT_SAMPLES = (1, 4, 16)


@dataclass(frozen=True)
class Cost:
    """Cost of a model for one image, at one number of samples.

    Args:
        samples: n; with attention, that of the second pass or of the refined weights.
        base: that of the first pass or of the other weights; None without attention.
        coverage: share of the positions inside the mask; 1 without a mask.
        nodes: cost of each operator.
    """

    samples: int
    base: int | None
    coverage: float
    nodes: tuple[NodeCost, ...]

    @property
    def two_passes(self) -> bool:
        """Whether the model has two passes; with attention by weights it has one."""
        return any(node.turn != "only" for node in self.nodes)

    @property
    def shifts(self) -> int:
        """Number of shifts of all operators."""
        return sum(node.shifts for node in self.nodes)

    @property
    def adds(self) -> int:
        """Number of additions of all operators."""
        return sum(node.adds for node in self.nodes)

    @property
    def random_bits(self) -> int:
        """Number of random bits of all operators."""
        return sum(node.random_bits for node in self.nodes)

    @property
    def weight_bits(self) -> int:
        """Number of bits of all stored weights, which two passes share."""
        return sum(node.weights * node.weight_bits for node in self.nodes if node.turn != "refined")


def cost(
    model: Any,
    *,
    samples: Sequence[int] = DEFAULT_SAMPLES,
    base: int | None = None,
    coverage: float = 1.0,
    size: Mapping[str, Sequence[int]] | None = None,
) -> tuple[Cost, ...]:
    """Compute the cost of a rewritten model for each number of samples.

    Args:
        model: the result of `rewrite`, or a file, bytes or graph of such a model.
        samples: numbers of samples.
        base: with attention, samples of the first pass, or of the weights that are not refined; None: the model's
            default.
        coverage: with attention by positions, share of the positions inside the mask, from 0 to 1.
        size: shape of one sample, by input, where the model has symbolic dimensions.

    Raises:
        ModelError: the model is not a rewritten one.
        OptionError: the model has no table for a number of samples, the coverage is outside [0, 1], or a size is
            missing.

    >>> from relucid.analyzer import demo
    >>> from relucid.plugins import psb
    >>> one, sixteen = cost(psb.rewrite(demo.model()).ir, samples=(1, 16))
    >>> sixteen.random_bits == 16 * one.random_bits, one.nodes[0].weight_bits
    (True, 9)
    """
    if not 0 <= coverage <= 1:
        raise OptionError(
            f"coverage of a mask: expected a number from 0 to 1, got {coverage}; pass a share of the positions"
        )
    graph = model.ir if isinstance(model, Rewritten) else parse(model).ir
    layers = extract_layers(graph)
    table = extract_table(graph)
    shapes = find_shapes(graph, [node for node, _ in layers], size or {})
    inputs = {value.name: value for value in graph.graph.inputs}
    first = None
    if "base" in inputs and inputs["base"].const_value is not None:
        first = int(inputs["base"].const_value.numpy()) if base is None else base
    two_passes = any(_is_first_pass(node) for node, _ in layers)
    costs = []
    for n in samples:
        nodes = []
        for node, layer in layers:
            turn = ("base" if _is_first_pass(node) else "refined") if two_passes else "only"
            found = node_cost(
                layer,
                table,
                turn=turn,
                samples=first if turn == "base" and first is not None else n,
                base=first,
                share=coverage if turn == "refined" and _is_masked(node) else 1.0,
                shapes=shapes[node],
                weight_bits=weight_bits_of(node),
            )
            nodes.append(found)
        costs.append(Cost(n, first, coverage if two_passes else 1.0, tuple(nodes)))
    return tuple(costs)


def relative_cost(base: int, refine: int, coverage: float) -> float:
    """(n + coverage m) / m: base samples everywhere and refined ones inside the mask, over refined ones everywhere.

    The thesis' psb j/k has n = 2^j and m = 2^k; inside the mask it takes m new samples. Figure 4.5, lower row.

    >>> relative_cost(2, 32, 0.34)
    0.4025
    """
    return (base + coverage * refine) / refine


def cost_table(coverage: float, *, samples: Sequence[int] = (1, 2, 4, 8, 16, 32)) -> NDArray[np.float64]:
    """`relative_cost` of every pair (base, refine); NaN where base exceeds refine. Figure 4.5, lower row.

    >>> cost_table(0.5, samples=(1, 2)).tolist()
    [[1.5, 1.0], [nan, 1.5]]
    """
    return np.array([[relative_cost(n, m, coverage) if n <= m else np.nan for m in samples] for n in samples])


def _is_first_pass(node: ir.Node) -> bool:
    """Whether the operator belongs to the first of two passes."""
    return str(node.name).endswith(".base") or samples_of(node) == "base"


def _is_masked(node: ir.Node) -> bool:
    """Whether the output of the operator is used inside a mask only."""
    for use in node.outputs[0].uses():
        condition = use.node.inputs[0].producer() if use.node.op_type == "Where" and use.node.inputs[0] else None
        if use.idx == 1 and condition is not None and condition.domain == DOMAIN:
            return True
    return False
