"""Magnitude pruning: set the weights closest to zero to 0, by tensor or over the whole model. Thesis, section 4.2.4."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.errors import OptionError
from ....analyzer.sites.graph_match import tensor_of
from .constants import add_constant, array_of

Weights = NDArray[Any]

SCOPES = ("tensor", "model")
PRUNED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""The operators whose weights are pruned; biases and the gains of normalizations are not."""


def check_pruning(share: float, over: str) -> None:
    """Check the options of pruning.

    Raises:
        OptionError: the share is outside [0, 1), or `over` is invalid.
    """
    if not 0 <= share < 1:
        raise OptionError(f"share of weights to prune: expected a number from 0 to below 1, got {share}; change prune")
    if over not in SCOPES:
        raise OptionError(f"prune_over: expected one of {', '.join(SCOPES)}, got {over!r}")


def prune_tensors(tensors: Sequence[Weights], *, share: float, over: str = "tensor") -> list[Weights]:
    """Return copies of the tensors in which the given share of the weights, those closest to zero, is 0.

    The number of weights is rounded to the nearest integer; of equal weights the first are pruned. The thesis says "of
    all the weights closest to zero", which is `over="model"`; its experiments compared weights within each tensor.

    Args:
        tensors: weights, each of any shape.
        share: from 0 to below 1.
        over: "tensor" or "model".

    Raises:
        OptionError: an option is invalid.

    >>> [w.tolist() for w in prune_tensors([np.array([3.0, -1.0]), np.array([0.5, 2.0])], share=0.5)]
    [[3.0, 0.0], [0.0, 2.0]]
    >>> [w.tolist() for w in prune_tensors([np.array([3.0, -1.0]), np.array([0.5, 0.2])], share=0.5, over="model")]
    [[3.0, -1.0], [0.0, 0.0]]
    """
    check_pruning(share, over)
    if over == "tensor":
        return [_zero_smallest(w.reshape(-1), share).reshape(w.shape) for w in tensors]
    together = np.concatenate([np.zeros(0), *(w.reshape(-1) for w in tensors)])
    ends = np.cumsum([w.size for w in tensors])[:-1]
    parts = np.split(_zero_smallest(together, share), ends) if tensors else []
    return [part.reshape(w.shape).astype(w.dtype) for part, w in zip(parts, tensors, strict=True)]


def _zero_smallest(w: Weights, share: float) -> Weights:
    kept = w.copy()
    kept[np.argsort(np.abs(w), kind="stable")[: round(share * w.size)]] = 0
    return kept


class PrunePass(ir.passes.InPlacePass):
    """Prune the weights of all layers that `selects` accepts.

    Cases:

    1. Constant float32 weights of a Conv, ConvTranspose, Gemm or MatMul: those closest to zero become zero.
    2. Weights that two layers share are pruned once, and remain shared.
    3. Other readers of the same tensor, which use it as a bias for example, keep the original.

    A second run changes nothing, since zeros are closest to zero.

    Args:
        share: of the weights, from 0 to below 1.
        over: "tensor" or "model".
        selects: whether to prune the weights of a node.
    """

    def __init__(self, *, share: float, over: str, selects: Callable[[ir.Node], bool]) -> None:
        super().__init__()
        check_pruning(share, over)
        self.share, self.over, self.selects = share, over, selects

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Prune the weights."""
        readers: dict[ir.Value, list[ir.Node]] = {}
        for node in model.graph:
            weights = node.inputs[1] if len(node.inputs) > 1 else None
            tensor = tensor_of(weights)
            if weights is None or tensor is None or tensor.dtype != ir.DataType.FLOAT:
                continue
            if node.op_type in PRUNED and not node.domain and self.selects(node):
                readers.setdefault(weights, []).append(node)
        old = [array_of(value) for value in readers]
        modified = False
        new = prune_tensors(old, share=self.share, over=self.over)
        for (value, nodes), before, after in zip(readers.items(), old, new, strict=True):
            if np.array_equal(before, after):
                continue
            pruned = add_constant(model.graph, f"{value.name}.pruned", after)
            for node in nodes:
                node.replace_input_with(1, pruned)
            modified = True
        return ir.passes.PassResult(model, modified=modified)
