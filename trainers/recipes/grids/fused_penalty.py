"""The separation penalty of the published MOONS and MNIST runs, computed together with its gradient.

It equals `relucid.plugins.torch.Separation` with merged deficits, sums of squares, positions as units and shared ties.
This version exists because here every pixel has extremes, for which the plugin's sparse gradient is slower, and because
value and gradient fuse into a few loops under `torch.compile`.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..methods import Method

STACK_AXES = {"unit": (3,), "point": (2,), "layer": (1, 2, 3)}
"""Axes over which an extreme is computed, for stacked nets (cell, position, channel, sample)."""

IMAGE_AXES = {"unit": (0,), "point": (1,), "layer": (0, 1, 2, 3)}
"""Axes over which an extreme is computed, for feature maps (sample, channel, row, column)."""

COMPILERS = ("g++", "c++", "clang++")
"""C++ compilers that `torch.compile` uses on a CPU."""

Formula = Callable[[Tensor], tuple[Tensor, Tensor]]


def squared_deficits(
    z: Tensor,
    *,
    over: Sequence[tuple[int, ...]],
    balance: float = 0.5,
    margin: tuple[float, float] = (1.0, -1.0),
) -> tuple[Tensor, Tensor]:
    """Return the sum of squares of the merged deficits, and its gradient.

    J (9)-(12) with the sign of the negative deficit corrected (`low - m-`: the constraint is min g <= -1), merged as in
    S (13), (15), (17) and squared as in the runs: sum (beta (m+ - max)+ + (1 - beta) (min - m-)+)^2, over units
    (a channel at a position, with extremes over samples) and over points (a sample at a position, with extremes over
    channels). The gradient of an extreme is shared equally by all entries that attain it.

    Args:
        z: pre-activations, with any axes.
        over: for each family of constraints, the axes of its extremes; see `STACK_AXES` and `IMAGE_AXES`.
        balance: beta, the weight of the positive deficit.
        margin: m+ and m-.

    Returns:
        The value () and the gradient, of the shape of z.

    >>> squared_deficits(torch.tensor([[0.0, 0.5]]), over=[(1,)])
    (tensor(0.5625), tensor([[ 0.7500, -0.7500]]))
    """
    value, gradient = z.new_zeros(()), torch.zeros_like(z)
    upper, lower = margin
    for axes in over:
        high, low = z.amax(axes, keepdim=True), z.amin(axes, keepdim=True)
        merged = balance * (upper - high).clamp(min=0) + (1 - balance) * (low - lower).clamp(min=0)
        value = value + merged.square().sum()
        at_high, at_low = z == high, z == low
        pull = 2 * balance * merged * (high < upper) / at_high.sum(axes, keepdim=True)
        push = 2 * (1 - balance) * merged * (low > lower) / at_low.sum(axes, keepdim=True)
        gradient = gradient - at_high * pull + at_low * push
    return value, gradient


def make_formula(method: Method, axes: Mapping[str, tuple[int, ...]], *, compiled: bool) -> Formula | None:
    """Return the penalty of a method with its gradient, as a function of z; None if the method has no penalty.

    Args:
        method: provides the axes, the balance and the margin.
        axes: `STACK_AXES` or `IMAGE_AXES`.
        compiled: whether to fuse it by `torch.compile`, which takes half a minute; ignored without a C++ compiler.
    """
    if not method.axes:
        return None
    over = tuple(axes[axis] for axis in method.axes)
    formula = partial(squared_deficits, over=over, balance=method.balance, margin=method.margin)
    return torch.compile(formula) if compiled and any(map(shutil.which, COMPILERS)) else formula


def penalty(z: Tensor, formula: Formula) -> Tensor:
    """Evaluate a formula that returns value and gradient, as a differentiable function of z."""
    out: Tensor = _WithGradient.apply(z, formula)
    return out


class _WithGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, formula: Formula) -> Tensor:
        value, gradient = formula(z)
        ctx.save_for_backward(gradient)
        return value

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream, None
