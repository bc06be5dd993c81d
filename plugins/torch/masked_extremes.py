"""Extremes of a map of which every position is a unit of its own, and where they stand, as masks of the whole map.

Such a map has about as many extremes as entries: `places`, which numbers the few of a map whose channels are units,
would take more time and memory than the map itself.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Masked(NamedTuple):
    """The extremes of one family, and what each entry of the map gets of whose gradient.

    Args:
        values: the extremes, with the axes of the map; those they go over have one entry.
        mask: whether an entry gets a part of its extreme's gradient, in the map's shape.
        share: which part, in the shape of `values`, or a number.
    """

    values: Tensor
    mask: Tensor
    share: Tensor | float


def masked_extremes(
    z: Tensor, *, unit_axis: int, axes: Sequence[str], ties: str, largest: bool
) -> tuple[list[Masked], Tensor]:
    """The extremes of units, points and the layer, in this order, and all of them as one vector.

    Args:
        z: pre-activations; the first axis that is not `unit_axis` counts samples.
        unit_axis: the axis that counts units.
        axes: whose extremes: `unit`, `point`, `layer`.
        ties: who gets the gradient where several entries are extreme: `one`, `shared`, `random`.
        largest: or smallest.

    >>> how = {"unit_axis": 2, "axes": ("unit", "point"), "ties": "shared"}
    >>> (unit, point), values = masked_extremes(torch.eye(2)[:, None], **how, largest=False)
    >>> point.mask.tolist(), values.tolist()
    ([[[False, True]], [[True, False]]], [0.0, 0.0, 0.0, 0.0])
    """
    find = _TIES[ties]
    over = (("unit", 1 if unit_axis == 0 else 0), ("point", unit_axis))
    found = [find(z, axis, largest) for name, axis in over if name in axes]
    if "layer" in axes:
        last = z.movedim(unit_axis, -1)
        values, mask, share = find(last.reshape(-1), 0, largest)
        found.append(Masked(values.view([1] * z.dim()), mask.view(last.shape).movedim(-1, unit_axis), share))
    return found, torch.cat([each.values.movedim(unit_axis, -1).flatten() for each in found])


def spread(extremes: Sequence[Masked], gradient: Tensor, *, unit_axis: int) -> Tensor:
    """The gradient of the map, given that of the vector of its extremes (entry,).

    >>> how = {"unit_axis": 1, "axes": ("unit",), "ties": "one"}
    >>> found, _ = masked_extremes(torch.tensor([[1.0, 2.0], [3.0, 0.0]]), **how, largest=True)
    >>> spread(found, torch.tensor([5.0, 7.0]), unit_axis=1).tolist()
    [[0.0, 7.0], [5.0, 0.0]]
    """
    whole = torch.zeros_like(extremes[0].mask, dtype=gradient.dtype)
    parts = gradient.split([each.values.numel() for each in extremes])
    for extreme, part in zip(extremes, parts, strict=True):
        own = part.view(extreme.values.movedim(unit_axis, -1).shape).movedim(-1, unit_axis)
        whole.addcmul_(extreme.mask, own * extreme.share)
    return whole


def _shared(z: Tensor, axis: int, largest: bool) -> Masked:  # noqa: FBT001 - one of a table of functions
    values = _extreme(z, axis, largest)
    mask = z == values
    return Masked(values, mask, mask.sum(axis, keepdim=True, dtype=torch.int32).to(z.dtype).reciprocal())


def _one(z: Tensor, axis: int, largest: bool) -> Masked:  # noqa: FBT001
    values, place = (z.max if largest else z.min)(axis, keepdim=True)
    return Masked(values, _only(z, axis, place), 1.0)


def _random(z: Tensor, axis: int, largest: bool) -> Masked:  # noqa: FBT001
    values = _extreme(z, axis, largest)
    lots = torch.rand(z.shape, device=z.device).masked_fill_(z != values, -1)
    return Masked(values, _only(z, axis, lots.max(axis, keepdim=True).indices), 1.0)


def _extreme(z: Tensor, axis: int, largest: bool) -> Tensor:  # noqa: FBT001
    return (z.amax if largest else z.amin)(axis, keepdim=True)


def _only(z: Tensor, axis: int, place: Tensor) -> Tensor:
    return torch.zeros_like(z, dtype=torch.bool).scatter_(axis, place, value=True)


_TIES: dict[str, Callable[[Tensor, int, bool], Masked]] = {"one": _one, "shared": _shared, "random": _random}
