"""Weights closest to zero made zero, tensor by tensor or over the whole model. Thesis, section 4.2.4."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.errors import OptionError
from ....analyzer.sites.graph_match import tensor_of
from .constants import constant

Array = NDArray[Any]

EXTENTS = ("tensor", "model")
PRUNED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Whose weights are pruned: what multiplies; not biases, and not the gains of normalizations."""


def check_pruning(share: float, over: str) -> None:
    """See that the options mean something.

    Raises:
        OptionError: the share lies outside [0, 1), or the extent is unknown.
    """
    if not 0 <= share < 1:
        raise OptionError(f"the share of weights to prune lies from 0 to below 1, not {share}")
    if over not in EXTENTS:
        raise OptionError(f"pruning goes over a tensor or the model ({', '.join(EXTENTS)}), not {over!r}")


def pruned(tensors: Sequence[Array], *, share: float, over: str = "tensor") -> list[Array]:
    """The tensors with a share of their weights, those of the least size, set to zero.

    As many weights go as come nearest to that share; of equal ones the first. The thesis says "of all the weights
    closest to zero", which `over="model"` does; its experiments compared the weights of each tensor among themselves.

    Args:
        tensors: weights, each of any shape.
        share: from 0 to below 1.
        over: "tensor" or "model".

    Raises:
        OptionError: an option has no meaning.

    >>> [w.tolist() for w in pruned([np.array([3.0, -1.0]), np.array([0.5, 2.0])], share=0.5)]
    [[3.0, 0.0], [0.0, 2.0]]
    >>> [w.tolist() for w in pruned([np.array([3.0, -1.0]), np.array([0.5, 0.2])], share=0.5, over="model")]
    [[3.0, -1.0], [0.0, 0.0]]
    """
    check_pruning(share, over)
    if over == "tensor":
        return [_without_smallest(w.reshape(-1), share).reshape(w.shape) for w in tensors]
    together = np.concatenate([np.zeros(0), *(w.reshape(-1) for w in tensors)])
    ends = np.cumsum([w.size for w in tensors])[:-1]
    parts = np.split(_without_smallest(together, share), ends) if tensors else []
    return [part.reshape(w.shape).astype(w.dtype) for part, w in zip(parts, tensors, strict=True)]


def _without_smallest(w: Array, share: float) -> Array:
    kept = w.copy()
    kept[np.argsort(np.abs(w), kind="stable")[: round(share * w.size)]] = 0
    return kept


class PrunePass(ir.passes.InPlacePass):
    """Prune the weights of every layer that is chosen, as they stand in the model.

    Cases:

    1. Constant float32 weights of a Conv, ConvTranspose, Gemm or MatMul: those closest to zero become zero.
    2. Weights that two layers share are pruned once, and stay shared.
    3. Who else reads the same tensor, as a bias, say, goes on reading it as it was.

    A second run changes nothing, since what is zero is closest to zero.

    Args:
        share: of the weights, from 0 to below 1.
        over: "tensor" or "model".
        chosen: whether to prune the weights of a node.
    """

    def __init__(self, *, share: float, over: str, chosen: Callable[[ir.Node], bool]) -> None:
        super().__init__()
        check_pruning(share, over)
        self.share, self.over, self.chosen = share, over, chosen

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Prune them."""
        readers: dict[ir.Value, list[ir.Node]] = {}
        for node in model.graph:
            weights = node.inputs[1] if len(node.inputs) > 1 else None
            tensor = tensor_of(weights)
            if weights is None or tensor is None or tensor.dtype != ir.DataType.FLOAT:
                continue
            if node.op_type in PRUNED and not node.domain and self.chosen(node):
                readers.setdefault(weights, []).append(node)
        old = [_array(value) for value in readers]
        modified = False
        new = pruned(old, share=self.share, over=self.over)
        for (value, nodes), before, after in zip(readers.items(), old, new, strict=True):
            if np.array_equal(before, after):
                continue
            made = constant(model.graph, f"{value.name}.pruned", after)
            for node in nodes:
                node.replace_input_with(1, made)
            modified = True
        return ir.passes.PassResult(model, modified=modified)


def _array(value: ir.Value) -> Array:
    tensor = tensor_of(value)
    return np.zeros(0) if tensor is None else tensor.numpy()
