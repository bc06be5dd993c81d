"""Hidden layers of many rectangular nets of one width and different depths, with one batched product per layer.

A net of the papers' depth x width grids is so small that overhead dominates a step. The nets are sorted by decreasing
depth, so the nets that have layer l are the first `counts[l]`, and their weights, pre-activations and gradients of that
layer form one contiguous block without padding or masks. `trunk_reference` is the slow twin.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor

_relu_backward = torch.ops.aten.threshold_backward


@dataclass(frozen=True)
class Stack:
    """Index arithmetic of stacked nets: one depth per net, deepest first.

    A cell here is one hidden layer of one net; cells are ordered by layer, then by net.

    >>> stack = Stack((3, 1))
    >>> stack.counts, stack.cells, stack.last
    ((2, 1, 1), 4, (3, 1))
    """

    depths: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.depths or list(self.depths) != sorted(self.depths, reverse=True) or self.depths[-1] < 1:
            raise ValueError(f"depths: expected integers of at least 1 in decreasing order, got {self.depths}")

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Number of nets that have each layer."""
        return tuple(sum(depth > layer for depth in self.depths) for layer in range(self.depths[0]))

    @cached_property
    def cells(self) -> int:
        """Number of hidden layers of all nets."""
        return sum(self.depths)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """First cell of each layer, followed by the number of cells."""
        return (0, *accumulate(self.counts))

    @cached_property
    def last(self) -> tuple[int, ...]:
        """Cell of the last hidden layer of each net."""
        return tuple(self.starts[depth - 1] + net for net, depth in enumerate(self.depths))

    @cached_property
    def layers(self) -> tuple[slice, ...]:
        """Cells of each layer."""
        return tuple(slice(start, stop) for start, stop in pairwise(self.starts))


def trunk(
    x: Tensor, first: Tensor, hidden: Tensor, bias: Tensor, *, stack: Stack, keep: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Compute the pre-activations of all cells and the last activations of all nets, with a hand-written gradient.

    Args:
        x: (unit, sample), the same for all nets, or (net, unit, sample).
        first: weights of the first layer (net, unit, input unit).
        hidden: weights of all other layers (cell, unit, unit), cells numbered from the second layer on.
        bias: (cell, unit, 1).
        stack: depths of the nets.
        keep: dropout mask that multiplies the input of each hidden cell (cell, unit, sample), or None.

    Returns:
        z (cell, unit, sample), and h of the last layers (net, unit, sample).
    """
    out: tuple[Tensor, Tensor] = _Trunk.apply(x, first, hidden, bias, keep, stack)
    return out


class _Trunk(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 - autograd takes no keywords
        ctx: Any, x: Tensor, first: Tensor, hidden: Tensor, bias: Tensor, keep: Tensor | None, stack: Stack
    ) -> tuple[Tensor, Tensor]:
        count, units = first.shape[:2]
        z = x.new_empty(stack.cells, units, x.shape[-1])
        h = x.new_empty(stack.cells - count, units, x.shape[-1])
        torch.baddbmm(bias[:count], first, x.expand(count, -1, -1), out=z[:count])
        before = slice(0, count)
        for cells in stack.layers[1:]:
            inputs = slice(cells.start - count, cells.stop - count)
            torch.clamp_min(z[before][: cells.stop - cells.start], 0, out=h[inputs])
            if keep is not None:
                h[inputs] *= keep[inputs]
            torch.baddbmm(bias[cells], hidden[inputs], h[inputs], out=z[cells])
            before = cells
        ctx.save_for_backward(x, hidden, z, h, *([] if keep is None else [keep]))
        ctx.stack = stack
        ctx.set_materialize_grads(False)
        return z, z[list(stack.last)].relu_()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, z_gradient: Tensor | None, top_gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, hidden, z, h, *keep = ctx.saved_tensors
        stack = ctx.stack
        first_count = stack.counts[0]
        dz, after = torch.empty_like(z), slice(stack.cells, stack.cells)
        for cells in reversed(stack.layers):
            continuing, weights = after.stop - after.start, slice(after.start - first_count, after.stop - first_count)
            if continuing:
                torch.bmm(hidden[weights].mT, dz[after], out=dz[cells][:continuing])
                if keep:
                    dz[cells][:continuing] *= keep[0][weights]
            dz[cells][continuing:] = top_gradient[continuing : cells.stop - cells.start]
            _relu_backward.grad_input(dz[cells], z[cells], 0, grad_input=dz[cells])
            if z_gradient is not None:
                dz[cells] += z_gradient[cells]
            after = cells
        return (
            None,
            dz[:first_count] @ x.mT,
            torch.bmm(dz[first_count:], h.mT),
            dz.sum(-1, keepdim=True),
            None,
            None,
        )


def trunk_reference(
    x: Tensor,
    first: Tensor,
    hidden: Tensor,
    bias: Tensor,
    *,
    stack: Stack,
    keep: Tensor | None = None,
    normalize: Callable[[Tensor, slice], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Slow twin of `trunk`, differentiated by autograd; `normalize(a, cells)`, if given, is applied before the ReLU."""
    sizes, count = stack.counts, stack.counts[0]
    weights = [first, *hidden.split(sizes[1:])] if len(sizes) > 1 else [first]
    masks = [None] * len(sizes) if keep is None else [None, *keep.split(sizes[1:])]
    h, zs = x.expand(count, -1, -1), []
    for cells, weight, shift, mask in zip(stack.layers, weights, bias.split(sizes), masks, strict=True):
        inputs = h[: cells.stop - cells.start]
        a = torch.baddbmm(shift, weight, inputs if mask is None else inputs * mask)
        zs.append(a if normalize is None else normalize(a, cells))
        h = zs[-1].relu()
    z = torch.cat(zs)
    return z, z[list(stack.last)].relu()


def dense_form(kernel: Tensor) -> Tensor:
    """Turn weights (cell, tap, out, in) into matrices over all positions at once (cell, tap * out, tap * in).

    One tap is a dense layer. Two taps are a (2, 1) convolution over two positions, padded with a zero at the end
    (TensorFlow's SAME): position 0 depends on both positions, position 1 on itself only.

    >>> dense_form(torch.tensor([[[[1.0]], [[2.0]]]]))
    tensor([[[1., 2.],
             [0., 1.]]])
    """
    if kernel.shape[1] == 1:
        return kernel[:, 0]
    here, after = kernel.unbind(1)
    upper, lower = torch.cat([here, after], 2), torch.cat([torch.zeros_like(after), here], 2)
    return torch.cat([upper, lower], 1)
