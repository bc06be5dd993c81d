"""Straight-through estimators: the forward pass returns one tensor, the backward pass differentiates another."""

from typing import Any, Literal

import torch
from torch import Tensor

from ....analyzer.errors import OptionError

ClipBy = Literal["gradient", "value"]


def straight_through(x: Tensor, value: Tensor) -> Tensor:
    """Return the value, bit for bit, with the gradient of x: dq/dx = 1. Thesis, (4.1).

    Args:
        x: receives the gradient.
        value: q(x), of the same shape; detached. The result has its dtype.

    >>> x = torch.tensor([0.3, 0.7], requires_grad=True)
    >>> y = straight_through(x, x.round())
    >>> y.sum().backward()
    >>> y.tolist(), x.grad.tolist()
    ([0.0, 1.0], [1.0, 1.0])
    """
    result: Tensor = _StraightThrough.apply(x, value.detach(), None, "gradient")
    return result


def clipped_straight_through(x: Tensor, value: Tensor, *, limit: float = 1.0, by: ClipBy = "gradient") -> Tensor:
    """Return the value, bit for bit, with the gradient of x where r < 1, and 0 elsewhere. Thesis, (4.2).

    The thesis calls r the magnitude of a gradient, without details; in the source of its formula (Hubara et al.,
    Binarized neural networks) r is the absolute value of x.

    Args:
        x: receives the gradient.
        value: q(x), of the same shape.
        limit: scale of r.
        by: `gradient`, r = |dL/dq| / limit, element by element; `value`, r = |x| / limit.

    Raises:
        OptionError: the limit is not positive, or `by` is invalid.

    >>> x = torch.tensor([0.3, 1.7], requires_grad=True)
    >>> clipped_straight_through(x, x.round(), by="value").sum().backward()
    >>> x.grad.tolist()
    [1.0, 0.0]
    """
    if not limit > 0:
        raise OptionError(f"limit of a clipped gradient: expected a positive number, got {limit}")
    if by not in {"gradient", "value"}:
        raise OptionError(f"by of a clipped gradient: expected gradient or value, got {by!r}")
    result: Tensor = _StraightThrough.apply(x, value.detach(), limit, by)
    return result


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
