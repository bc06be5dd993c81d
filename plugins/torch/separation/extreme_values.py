"""The largest and smallest pre-activation of every unit, point or layer, with a gradient of a few entries.

One pass over z in each direction finds the extremes of each (sample, unit) over positions; all else, where they stand
included, is read off those few. The backward pass knows the places and writes there alone. Only where every position
of a map is a unit are there too many for that (`masked_extremes`). `extremes_reference` is the slow twin, which leaves
both to torch.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from .extreme_positions import SIDES, joined, masked_extremes, over, planes, spread

Axis = Literal["unit", "point", "layer"]
ConvUnits = Literal["channel", "position"]
Ties = Literal["one", "shared", "random"]


class Extremes(NamedTuple):
    """Largest and smallest z: an entry for each unit, then for each point, then for the layer (entry,)."""

    high: Tensor
    low: Tensor


def extremes(
    z: Tensor,
    *,
    unit_axis: int = 1,
    axes: Sequence[Axis] = ("unit", "point"),
    conv_units: ConvUnits = "channel",
    ties: Ties = "one",
) -> Extremes:
    """Largest and smallest z over everything but the axis an extreme belongs to.

    With channels as units (J, section 3, end) a unit's extreme is over samples and positions, a point's over units and
    positions. With `conv_units="position"` (S) every (position, unit) is a unit, its extreme over samples, and every
    (sample, position) a point, its extreme over channels. The axis `layer` (Sep-L) has one extreme over everything.

    At ties the subgradient is the paper's code's: `one` (the first place gets it all), `shared` (equally among all), or
    `random` (one of them, drawn from torch's generator).

    Args:
        z: pre-activations with samples on axis 0.
        unit_axis: the axis of z that counts units.
        axes: whose extremes; in whatever order, units come first, then points, then the layer.
        conv_units: what a unit of a feature map is.
        ties: who gets the gradient where several entries are extreme.

    >>> z = torch.tensor([[1.0, -2.0], [3.0, -4.0]])
    >>> extremes(z)
    Extremes(high=tensor([ 3., -2.,  1.,  3.]), low=tensor([ 1., -4., -2., -4.]))
    """
    function = _AtPositions if conv_units == "position" and z.dim() > 2 else _AtPlaces
    return Extremes(*function.apply(z, _How(unit_axis % max(z.dim(), 1), axes, ties)))


class _How(NamedTuple):
    unit_axis: int
    axes: Sequence[Axis]
    ties: Ties


class _AtPlaces(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, how: _How) -> tuple[Tensor, Tensor]:
        block = as_block(z.detach(), how.unit_axis)
        if "layer" in how.axes or not _is_dense(block):
            block = block.contiguous()
        views = planes(block, how.axes)
        high, low = ([found for view, kept in views for found in over(view, kept, side, how.ties)] for side in SIDES)
        # not by save_for_backward: a checkpointed segment would miss the places when it runs again
        ctx.places = joined(high), joined(low)
        ctx.block, ctx.strides, ctx.z, ctx.unit_axis = block.shape, block.stride(), z.shape, how.unit_axis
        return torch.cat([values for values, _ in high]), torch.cat([values for values, _ in low])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        numbers = torch.cat([places.number for places in ctx.places])
        shares = [places.share * side[places.owner] for places, side in zip(ctx.places, gradients, strict=True)]
        memory = gradients[0].new_zeros(ctx.z.numel()).index_add_(0, numbers, torch.cat(shares))
        return from_block(memory.as_strided(ctx.block, ctx.strides), ctx.z, ctx.unit_axis), None


class _AtPositions(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, how: _How) -> tuple[Tensor, Tensor]:
        (high, highest), (low, lowest) = (
            masked_extremes(z.detach(), **how._asdict(), largest=largest) for largest in (True, False)
        )
        ctx.found, ctx.unit_axis = (*high, *low), how.unit_axis  # not by save_for_backward, as above
        return highest, lowest

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return spread(ctx.found, torch.cat(gradients), unit_axis=ctx.unit_axis), None


def as_block(z: Tensor, unit_axis: int) -> Tensor:
    """The array z as (sample, position, unit), a view where its strides allow; without a sample axis it is one sample.

    >>> as_block(torch.zeros(2, 5, 3, 4), 1).shape
    torch.Size([2, 12, 5])
    """
    moved = z.movedim(unit_axis, -1) if z.dim() > 1 else z.reshape(1, -1)
    return moved.reshape(moved.shape[0], -1, moved.shape[-1])


def from_block(block: Tensor, shape: torch.Size, unit_axis: int) -> Tensor:
    """The inverse of `as_block`, always a view.

    >>> from_block(torch.zeros(2, 12, 5), torch.Size([2, 5, 3, 4]), 1).shape
    torch.Size([2, 5, 3, 4])
    """
    if len(shape) < 2:
        return block.reshape(shape)
    sizes = list(shape)
    units = sizes.pop(unit_axis)
    return block.view(*sizes, units).movedim(-1, unit_axis)


def _is_dense(block: Tensor) -> bool:
    """Whether the block fills the memory it spans, so that places in it can be numbered by their strides."""
    span = 1 + sum((size - 1) * stride for size, stride in zip(block.shape, block.stride(), strict=True))
    return span == block.numel()
