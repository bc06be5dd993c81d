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
