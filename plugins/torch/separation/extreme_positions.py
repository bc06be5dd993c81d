"""Where extremes stand in a block of pre-activations (sample, position, unit), found from one pass over it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Places(NamedTuple):
    """Entries of a block at which extremes stand, and what each gets of whose gradient.

    Args:
        number: where in the block's memory the entry stands (place,).
        owner: number of the extreme (place,).
        share: part of the extreme's gradient that goes to the place (place,).
    """

    number: Tensor
    owner: Tensor
    share: Tensor


class Side(NamedTuple):
    """One direction: the extreme value and the first place at which it stands."""

    value: Callable[..., Tensor]
    place: Callable[..., Tensor]


SIDES = (Side(torch.amax, torch.argmax), Side(torch.amin, torch.argmin))
"""Largest and smallest."""

Extreme = tuple[Tensor, Places]


def planes(block: Tensor, axes: Sequence[str]) -> list[tuple[Tensor, tuple[int, ...]]]:
    """A block as (row, inner, column) views of its memory, each with what to keep of it: 2, columns, or 0, rows.

    The extremes over `inner` are found first, for all rows and columns at once, and the rest from these few. Where a
    block has no positions to go over first, rows or columns are cut into groups instead.

    >>> [(tuple(view.shape), kept) for view, kept in planes(torch.zeros(128, 1024, 16), ("unit", "point"))]
    [((128, 1024, 16), (2, 0))]
    >>> [(tuple(view.shape), kept) for view, kept in planes(torch.zeros(128, 1, 512), ("unit", "point"))]
    [((2, 64, 512), (2,)), ((128, 64, 8), (0,))]
    """
    samples, positions, units = block.shape
    views: list[tuple[Tensor, tuple[int, ...]]] = []
    if positions > 1:
        views.append((block, tuple(axis for axis, name in ((2, "unit"), (0, "point")) if name in axes)))
    else:
        if "unit" in axes:
            group = _group(samples)
            views.append((block.view(samples // group, group, units), (2,)))
        if "point" in axes:
            views.append((_in_groups(block.view(samples, units)), (0,)))
    if "layer" in axes:
        views.append((_in_groups(block.view(1, -1)), (0,)))
    return views


def _in_groups(rows: Tensor) -> Tensor:
    """Rows (row, entry) as (row, entry of the group, group)."""
    group = _group(rows.shape[1])
    return rows.view(rows.shape[0], rows.shape[1] // group, group).transpose(1, 2)


def _group(size: int) -> int:
    """The largest divisor up to 64, about where both steps of the search cost the same."""
    return next(group for group in range(min(64, size), 0, -1) if size % group == 0)


def over(view: Tensor, kept: Sequence[int], side: Side, ties: str) -> Iterator[Extreme]:
    """The extremes of a view (row, inner, column): for each axis kept those of every column (2) or every row (0).

    >>> values, places = next(over(torch.tensor([[[1.0, 5.0]], [[2.0, 4.0]]]), (2,), SIDES[0], "one"))
    >>> values.tolist(), places.number.tolist()
    ([2.0, 5.0], [2, 1])
    """
    found = side.value(view, 1)
    for axis in kept:
        along = 0 if axis == 2 else 1
        values = side.value(found, along)
        yield values, _PLACES[ties](view, found, values, along, side)


def joined(extremes: Sequence[Extreme]) -> Places:
    """The places of several families of extremes, numbered in their order."""
    first, owners = 0, []
    for values, places in extremes:
        owners.append(places.owner + first)
        first += len(values)
    return Places(
        torch.cat([places.number for _, places in extremes]),
        torch.cat(owners),
        torch.cat([places.share for _, places in extremes]),
    )


def _first(view: Tensor, found: Tensor, values: Tensor, along: int, side: Side) -> Places:
    """The first place of each extreme: the first plane that holds it, and the first entry there."""
    owner = torch.arange(len(values), device=values.device)
    plane = side.place(found, along)
    row, column = (plane, owner) if along == 0 else (owner, plane)
    inner = side.place(view[row, :, column], 1)
    return Places(_number(view, row, inner, column), owner, torch.ones_like(values))


def _all(view: Tensor, found: Tensor, values: Tensor, along: int, side: Side) -> Places:
    """Every place of each extreme, with equal shares."""
    del side
    row, column = torch.nonzero(found == values.unsqueeze(along), as_tuple=True)
    owner = column if along == 0 else row
    plane, inner = torch.nonzero(view[row, :, column] == values[owner].unsqueeze(1), as_tuple=True)
    owner = owner[plane]
    share = 1 / torch.bincount(owner, minlength=len(values))[owner].to(values.dtype)
    return Places(_number(view, row[plane], inner, column[plane]), owner, share)


def _any(view: Tensor, found: Tensor, values: Tensor, along: int, side: Side) -> Places:
    """One of the places of each extreme, every one of them with the same probability."""
    number, owner, share = _all(view, found, values, along, side)
    lot = torch.rand(len(number), dtype=torch.float64, device=number.device)
    drawn = lot == lot.new_zeros(len(values)).scatter_reduce_(0, owner, lot, "amax")[owner]
    return Places(number[drawn], owner[drawn], torch.ones_like(share[drawn]))


def _number(view: Tensor, row: Tensor, inner: Tensor, column: Tensor) -> Tensor:
    rows, inners, columns = view.stride()
    return row * rows + inner * inners + column * columns


_PLACES: dict[str, Callable[[Tensor, Tensor, Tensor, int, Any], Places]] = {
    "one": _first,
    "shared": _all,
    "random": _any,
}


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
