"""The largest and smallest entries of pre-activations, with the positions that receive their gradients.

Two ways: by index (`find_extremes`), where extremes are few compared to entries, and by mask (`masked_extremes`), where
every position of a map is a unit, so that there are too many extremes for index lists.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

Places = tuple[Tensor, Tensor, Tensor]
"""Entries of a block that receive a part of the gradient of an extreme: offset, owner and share (place,).

The offset is that of the entry in the memory of the block; the owner is the index of the extreme; the share is the part
of the extreme's gradient that goes to the entry.
"""

Extreme = tuple[Tensor, Places]
"""Values of a group of extremes (extreme,), and their places."""

MaskedExtreme = tuple[Tensor, Tensor, Tensor | float]
"""Values, mask and share of a group of extremes.

The values have the axes of the map, with size 1 along those that are reduced. The mask has the shape of the map and
marks the entries that receive a part of the gradient; the share is that part, in the shape of the values or a number.
"""


def split_views(block: Tensor, axes: Sequence[str]) -> list[tuple[Tensor, tuple[int, ...]]]:
    """Split a block into (row, inner, column) views of its memory for a reduction in two steps.

    The first step reduces `inner`, for all rows and columns at once; the second reduces the few values left. Where a
    block has only one position, rows or columns are cut into groups, which then are the inner axis.

    Args:
        block: pre-activations (sample, position, unit), dense in memory.
        axes: whose extremes: `unit`, `point`, `layer`.

    Returns:
        Pairs of a view and the axes to keep in the second step: 2 for columns, 0 for rows.

    >>> [(tuple(view.shape), kept) for view, kept in split_views(torch.zeros(128, 1024, 16), ("unit", "point"))]
    [((128, 1024, 16), (2, 0))]
    >>> [(tuple(view.shape), kept) for view, kept in split_views(torch.zeros(128, 1, 512), ("unit", "point"))]
    [((2, 64, 512), (2,)), ((128, 64, 8), (0,))]
    """
    samples, positions, units = block.shape
    views: list[tuple[Tensor, tuple[int, ...]]] = []
    if positions > 1:
        views.append((block, tuple(axis for axis, name in ((2, "unit"), (0, "point")) if name in axes)))
    else:
        if "unit" in axes:
            group = _group_size(samples)
            views.append((block.view(samples // group, group, units), (2,)))
        if "point" in axes:
            views.append((_split_groups(block.view(samples, units)), (0,)))
    if "layer" in axes:
        views.append((_split_groups(block.view(1, -1)), (0,)))
    return views


def _split_groups(rows: Tensor) -> Tensor:
    """View rows (row, entry) as (row, entry in group, group)."""
    group = _group_size(rows.shape[1])
    return rows.view(rows.shape[0], rows.shape[1] // group, group).transpose(1, 2)


def _group_size(size: int) -> int:
    """The largest divisor of at most 64; with groups of about 64, both steps of the reduction take the same time."""
    return next(group for group in range(min(64, size), 0, -1) if size % group == 0)


def find_extremes(view: Tensor, kept: Sequence[int], ties: str, *, largest: bool) -> Iterator[Extreme]:
    """Yield the extremes of a view, one group for each axis in `kept`.

    Args:
        view: (row, inner, column), from `split_views`.
        kept: axes to keep: 2 for the extremes of each column, 0 for those of each row.
        ties: which of several equal entries receive the gradient: `one`, `shared`, `random`.
        largest: whether to find maxima or minima.

    >>> view = torch.tensor([[[1.0, 5.0]], [[2.0, 4.0]]])
    >>> values, (offset, _, _) = next(find_extremes(view, (2,), "one", largest=True))
    >>> values.tolist(), offset.tolist()
    ([2.0, 5.0], [2, 1])
    """
    reduce = torch.amax if largest else torch.amin
    partial = reduce(view, 1)
    for axis in kept:
        along = 0 if axis == 2 else 1
        values = reduce(partial, along)
        if ties == "one":
            yield values, _first_places(view, partial, values, along, torch.argmax if largest else torch.argmin)
        else:
            places = _all_places(view, partial, values, along)
            yield values, places if ties == "shared" else _draw_places(places, len(values))


def join_places(extremes: Sequence[Extreme]) -> Places:
    """Concatenate the places of several groups of extremes, numbering the extremes consecutively."""
    first, parts = 0, []
    for values, (offset, owner, share) in extremes:
        parts.append((offset, owner + first, share))
        first += len(values)
    offsets, owners, shares = zip(*parts, strict=True)
    return torch.cat(offsets), torch.cat(owners), torch.cat(shares)


def _first_places(
    view: Tensor, partial: Tensor, values: Tensor, along: int, argextreme: Callable[..., Tensor]
) -> Places:
    """The first position of each extreme: the first row or column that contains it, and the first inner entry there."""
    owner = torch.arange(len(values), device=values.device)
    plane = argextreme(partial, along)
    row, column = (plane, owner) if along == 0 else (owner, plane)
    inner = argextreme(view[row, :, column], 1)
    return _offsets(view, row, inner, column), owner, torch.ones_like(values)


def _all_places(view: Tensor, partial: Tensor, values: Tensor, along: int) -> Places:
    """All positions of each extreme, with equal shares."""
    row, column = torch.nonzero(partial == values.unsqueeze(along), as_tuple=True)
    owner = column if along == 0 else row
    plane, inner = torch.nonzero(view[row, :, column] == values[owner].unsqueeze(1), as_tuple=True)
    owner = owner[plane]
    share = 1 / torch.bincount(owner, minlength=len(values))[owner].to(values.dtype)
    return _offsets(view, row[plane], inner, column[plane]), owner, share


def _draw_places(places: Places, extremes: int) -> Places:
    """One position of each extreme, drawn uniformly among the entries that are equal to it."""
    offset, owner, share = places
    draw = torch.rand(len(offset), dtype=torch.float64, device=offset.device)
    drawn = draw == draw.new_zeros(extremes).scatter_reduce_(0, owner, draw, "amax")[owner]
    return offset[drawn], owner[drawn], torch.ones_like(share[drawn])


def _offsets(view: Tensor, row: Tensor, inner: Tensor, column: Tensor) -> Tensor:
    rows, inners, columns = view.stride()
    return row * rows + inner * inners + column * columns


def masked_extremes(
    z: Tensor, unit_axis: int, axes: Sequence[str], ties: str, *, largest: bool
) -> tuple[list[MaskedExtreme], Tensor]:
    """The extremes of units, points and the layer, in this order, and all of them as one vector.

    Args:
        z: pre-activations; the first axis other than `unit_axis` is the sample axis.
        unit_axis: the unit axis of z.
        axes: whose extremes: `unit`, `point`, `layer`.
        ties: which of several equal entries receive the gradient: `one`, `shared`, `random`.
        largest: whether to find maxima or minima.

    >>> (unit, point), values = masked_extremes(torch.eye(2)[:, None], 2, ("unit", "point"), "shared", largest=False)
    >>> point[1].tolist(), values.tolist()
    ([[[False, True]], [[True, False]]], [0.0, 0.0, 0.0, 0.0])
    """
    find = _MASKED[ties]
    reduced = (("unit", 1 if unit_axis == 0 else 0), ("point", unit_axis))
    found = [find(z, axis, largest) for name, axis in reduced if name in axes]
    if "layer" in axes:
        last = z.movedim(unit_axis, -1)
        values, mask, share = find(last.reshape(-1), 0, largest)
        found.append((values.view([1] * z.dim()), mask.view(last.shape).movedim(-1, unit_axis), share))
    return found, torch.cat([values.movedim(unit_axis, -1).flatten() for values, _, _ in found])


def spread_gradient(extremes: Sequence[MaskedExtreme], gradient: Tensor, *, unit_axis: int) -> Tensor:
    """The gradient with respect to the map, given that with respect to the vector of its extremes (entry,).

    >>> found, _ = masked_extremes(torch.tensor([[1.0, 2.0], [3.0, 0.0]]), 1, ("unit",), "one", largest=True)
    >>> spread_gradient(found, torch.tensor([5.0, 7.0]), unit_axis=1).tolist()
    [[0.0, 7.0], [5.0, 0.0]]
    """
    total = torch.zeros_like(extremes[0][1], dtype=gradient.dtype)
    parts = gradient.split([values.numel() for values, _, _ in extremes])
    for (values, mask, share), part in zip(extremes, parts, strict=True):
        own = part.view(values.movedim(unit_axis, -1).shape).movedim(-1, unit_axis)
        total.addcmul_(mask, own * share)
    return total


def _mask_all(z: Tensor, axis: int, largest: bool) -> MaskedExtreme:  # noqa: FBT001 - one of a table of functions
    values = _reduce(z, axis, largest)
    mask = z == values
    return values, mask, mask.sum(axis, keepdim=True, dtype=torch.int32).to(z.dtype).reciprocal()


def _mask_first(z: Tensor, axis: int, largest: bool) -> MaskedExtreme:  # noqa: FBT001
    values, place = (z.max if largest else z.min)(axis, keepdim=True)
    return values, _mask_of(z, axis, place), 1.0


def _mask_random(z: Tensor, axis: int, largest: bool) -> MaskedExtreme:  # noqa: FBT001
    values = _reduce(z, axis, largest)
    draws = torch.rand(z.shape, device=z.device).masked_fill_(z != values, -1)
    return values, _mask_of(z, axis, draws.max(axis, keepdim=True).indices), 1.0


def _reduce(z: Tensor, axis: int, largest: bool) -> Tensor:  # noqa: FBT001
    return (z.amax if largest else z.amin)(axis, keepdim=True)


def _mask_of(z: Tensor, axis: int, place: Tensor) -> Tensor:
    return torch.zeros_like(z, dtype=torch.bool).scatter_(axis, place, value=True)


_MASKED: dict[str, Callable[[Tensor, int, bool], MaskedExtreme]] = {
    "one": _mask_first,
    "shared": _mask_all,
    "random": _mask_random,
}
