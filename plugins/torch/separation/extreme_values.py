"""The largest and smallest pre-activation of every unit, point or layer, as a differentiable function.

The forward pass reduces z once in each direction to the extremes of each (sample, unit) over positions; all other
extremes and their positions follow from these few values. The backward pass writes only to the positions found. Where
every position of a map is a unit there are too many of them, and masks are used (`masked_extremes`). The slow twin in
the tests, `extremes_reference`, leaves both passes to torch.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from .extreme_positions import find_extremes, join_places, masked_extremes, split_views, spread_gradient

Axis = Literal["unit", "point", "layer"]
ConvUnits = Literal["channel", "position"]
Ties = Literal["one", "shared", "random"]

Spread = Callable[..., Tensor]
"""Maps the gradients of the largest and of the smallest values to the gradient of z."""

Find = Callable[[Tensor, int, Sequence[Axis], Ties], tuple[Tensor, Tensor, Spread]]
"""Returns the largest and the smallest values of z, and the function for the backward pass."""


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
    """Return the largest and smallest z of each unit, of each point, or of the layer.

    With channels as units (J, end of section 3) the extreme of a unit is over samples and positions, that of a point
    over units and positions. With `conv_units="position"` (S) every (position, unit) is a unit, its extreme over
    samples, and every (sample, position) is a point, its extreme over channels. The axis `layer` (Sep-L) has one
    extreme over all entries.

    At ties the subgradient is that of the paper's code: `one` (all of it to the first entry), `shared` (equal parts),
    or `random` (all of it to one entry, drawn from torch's generator).

    Args:
        z: pre-activations with the sample axis first.
        unit_axis: the unit axis of z.
        axes: whose extremes; the order is always units, points, layer.
        conv_units: what a unit of a feature map is.
        ties: which of several equal entries receive the gradient.

    >>> z = torch.tensor([[1.0, -2.0], [3.0, -4.0]])
    >>> extremes(z)
    Extremes(high=tensor([ 3., -2.,  1.,  3.]), low=tensor([ 1., -4., -2., -4.]))
    """
    find = _find_by_mask if conv_units == "position" and z.dim() > 2 else _find_by_index
    return Extremes(*_Extremes.apply(z, unit_axis % max(z.dim(), 1), axes, ties, find))


class _Extremes(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 - autograd takes no keywords
        ctx: Any, z: Tensor, unit_axis: int, axes: Sequence[Axis], ties: Ties, find: Find
    ) -> tuple[Tensor, Tensor]:
        # not by save_for_backward: a checkpointed segment that runs again would have no places
        high, low, ctx.spread = find(z.detach(), unit_axis, axes, ties)
        return high, low

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        return ctx.spread(*gradients), None, None, None, None


def _find_by_index(z: Tensor, unit_axis: int, axes: Sequence[Axis], ties: Ties) -> tuple[Tensor, Tensor, Spread]:
    block = as_block(z, unit_axis)
    if "layer" in axes or not _is_dense(block):
        block = block.contiguous()
    views = split_views(block, axes)
    high, low = (
        [found for view, kept in views for found in find_extremes(view, kept, ties, largest=largest)]
        for largest in (True, False)
    )
    places = join_places(high), join_places(low)
    size, strides, shape = block.shape, block.stride(), z.shape

    def spread(*gradients: Tensor) -> Tensor:
        offsets = torch.cat([offset for offset, _, _ in places])
        shares = [share * side[owner] for (_, owner, share), side in zip(places, gradients, strict=True)]
        memory = gradients[0].new_zeros(shape.numel()).index_add_(0, offsets, torch.cat(shares))
        return from_block(memory.as_strided(size, strides), shape, unit_axis)

    return torch.cat([values for values, _ in high]), torch.cat([values for values, _ in low]), spread


def _find_by_mask(z: Tensor, unit_axis: int, axes: Sequence[Axis], ties: Ties) -> tuple[Tensor, Tensor, Spread]:
    (high, highest), (low, lowest) = (
        masked_extremes(z, unit_axis, axes, ties, largest=largest) for largest in (True, False)
    )

    def spread(*gradients: Tensor) -> Tensor:
        return spread_gradient((*high, *low), torch.cat(gradients), unit_axis=unit_axis)

    return highest, lowest, spread


def as_block(z: Tensor, unit_axis: int) -> Tensor:
    """Reshape z to (sample, position, unit), a view where its strides allow; one axis alone counts as one sample.

    >>> as_block(torch.zeros(2, 5, 3, 4), 1).shape
    torch.Size([2, 12, 5])
    """
    moved = z.movedim(unit_axis, -1) if z.dim() > 1 else z.reshape(1, -1)
    return moved.reshape(moved.shape[0], -1, moved.shape[-1])


def from_block(block: Tensor, shape: torch.Size, unit_axis: int) -> Tensor:
    """Reshape a block back to the shape of z, the inverse of `as_block`; always a view.

    >>> from_block(torch.zeros(2, 12, 5), torch.Size([2, 5, 3, 4]), 1).shape
    torch.Size([2, 5, 3, 4])
    """
    if len(shape) < 2:
        return block.reshape(shape)
    sizes = list(shape)
    units = sizes.pop(unit_axis)
    return block.view(*sizes, units).movedim(-1, unit_axis)


def _is_dense(block: Tensor) -> bool:
    """Whether the block fills the memory that it spans, so that strides give offsets into it."""
    span = 1 + sum((size - 1) * stride for size, stride in zip(block.shape, block.stride(), strict=True))
    return span == block.numel()
