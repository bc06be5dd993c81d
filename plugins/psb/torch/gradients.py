"""Straight-through estimators: forward one tensor, backward as if it were another."""

from typing import Any, Literal

import torch
from torch import Tensor

from ....analyzer.errors import OptionError

ClipBy = Literal["gradient", "value"]


def straight_through(x: Tensor, value: Tensor) -> Tensor:
    """The value, bit for bit, with the gradient of x: dq/dx = 1. Thesis, (4.1).

    Args:
        x: what the gradient goes to.
        value: q(x), of the same shape; its gradient is not asked for, and its type is that of the result.

    >>> x = torch.tensor([0.3, 0.7], requires_grad=True)
    >>> y = straight_through(x, x.round())
    >>> y.sum().backward()
    >>> y.tolist(), x.grad.tolist()
    ([0.0, 1.0], [1.0, 1.0])
    """
    made: Tensor = _StraightThrough.apply(x, value.detach(), None, "gradient")
    return made


def clipped_straight_through(x: Tensor, value: Tensor, *, limit: float = 1.0, by: ClipBy = "gradient") -> Tensor:
    """The value, bit for bit, with the gradient of x where r < 1, and none elsewhere. Thesis, (4.2).

    The thesis calls r the magnitude of a gradient and says no more; in the paper that its formula comes from
    (Hubara et al., Binarized neural networks) r is the size of x itself. r is taken over a limit.

    Args:
        x: what the gradient goes to.
        value: q(x), of the same shape.
        limit: what r is measured by.
        by: `gradient`, r is |dL/dq| / limit, element by element; `value`, r is |x| / limit.

    Raises:
        OptionError: a limit that is not positive, or another `by`.

    >>> x = torch.tensor([0.3, 1.7], requires_grad=True)
    >>> clipped_straight_through(x, x.round(), by="value").sum().backward()
    >>> x.grad.tolist()
    [1.0, 0.0]
    """
    if not limit > 0:
        raise OptionError(f"the limit of a clipped gradient is positive, not {limit}")
    if by not in {"gradient", "value"}:
        raise OptionError(f"a straight-through gradient is clipped by gradient or value, not {by!r}")
    made: Tensor = _StraightThrough.apply(x, value.detach(), limit, by)
    return made


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor, limit: float | None, by: ClipBy) -> Tensor:
        ctx.limit, ctx.by, ctx.dtype = limit, by, x.dtype
        if limit is not None and by == "value":
            ctx.save_for_backward(x)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = gradients
        gradient = gradient.to(ctx.dtype)
        if ctx.limit is not None:
            size = ctx.saved_tensors[0] if ctx.by == "value" else gradient
            gradient = torch.where(size.abs() < ctx.limit, gradient, 0)
        return gradient, None, None, None
