"""The unit axis of each tensor in a forward pass, propagated from the function that computed it to its readers.

The rules are those of the analyzer's sites: a convolution and a normalization over channels put the units on axis 1, a
linear map and a layer normalization on the last axis, a transposition moves the axis, elementwise functions and pooling
keep it.
"""

import weakref
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ....analyzer.sites import GUESS
from .activations import Call

UnitAxis = tuple[int, str]
"""A unit axis and the rule that determined it."""

UnitAxes = dict[int, tuple[weakref.ref[Tensor], UnitAxis]]
"""The unit axes of tensors by their id; no reference to a tensor is kept."""


def find_axis(axes: UnitAxes, z: Tensor) -> UnitAxis:
    """Return the unit axis of a tensor; if none was recorded, the usual one for its number of axes.

    >>> from functools import partial
    >>> axes: UnitAxes = {}
    >>> call = partial(functional.linear, torch.zeros(2, 5, 3), torch.zeros(4, 3))
    >>> z = call()
    >>> record_axes(axes, call, z)
    >>> find_axis(axes, z)
    (2, 'computed by linear: last axis')
    """
    found = _recorded(axes, z)
    if found is not None:
        return found
    if z.dim() <= 2:
        return max(z.dim() - 1, 0), "unknown producer; last of at most two axes"
    return 1, GUESS


def record_axes(axes: UnitAxes, call: Call, result: Any) -> None:
    """Record the unit axes of the tensors that a call returned, where they follow from the call."""
    for tensor in _tensors((result,)):
        found = _infer_axis(axes, call, tensor)
        if found is not None:
            axes[id(tensor)] = weakref.ref(tensor), found


def _recorded(axes: UnitAxes, z: Tensor) -> UnitAxis | None:
    entry = axes.get(id(z))
    return entry[1] if entry is not None and entry[0]() is z else None


def _infer_axis(axes: UnitAxes, call: Call, result: Tensor) -> UnitAxis | None:
    name = getattr(call.func, "__name__", "").strip("_")
    if call.func in _CHANNELS:
        trailing = _CHANNELS[call.func]
        return 1 if trailing is None else result.dim() - 1 - trailing, f"computed by {name}: channel axis"
    if call.func in _LAST:
        left = call.func in _PRODUCTS and result.dim() > 1 and isinstance(call.args[0], nn.Parameter)
        return result.dim() - (2 if left else 1), f"computed by {name}: {'second to last' if left else 'last'} axis"
    for operand in _tensors((*call.args, *call.keywords.values())):
        found = _recorded(axes, operand)
        if found is not None:
            axis = _propagate(call, operand, result, found[0])
            return None if axis is None else (axis, found[1])
    return None


def _propagate(call: Call, source: Tensor, result: Tensor, axis: int) -> int | None:
    """Return the axis of the result that corresponds to an axis of the source; None if it is unknown."""
    if call.func in _ORDERS:
        ones = [1] * source.dim()
        # a tensor in which the stride of each axis is the number of that axis
        numbered = torch.empty(ones).as_strided(ones, [*range(source.dim())])
        return list(call.func(numbered, *call.args[1:], **call.keywords).stride()).index(axis)
    if call.func in _SHAPES:
        return _match_axis(source.shape, result.shape, axis)
    if call.func == Tensor.__getitem__ and (kept := _match_axis(source.shape, result.shape, axis)) is not None:
        return kept
    if result.dim() >= source.dim():
        return axis + result.dim() - source.dim()
    return 1 if result.dim() == 2 else None


def _match_axis(before: Sequence[int], after: Sequence[int], axis: int) -> int | None:
    """Return the axis of the same size with as many entries behind it; without one, the last of two axes."""
    size_and_rest = before[axis], prod(before[axis + 1 :])
    for position, size in enumerate(after):
        if (size, prod(after[position + 1 :])) == size_and_rest:
            return position
    return 1 if len(after) == 2 else None


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from (item for item in value if isinstance(item, Tensor))


_CHANNELS: dict[Callable[..., Any], int | None] = {
    **dict.fromkeys((functional.conv1d, functional.conv_transpose1d), 1),
    **dict.fromkeys((functional.conv2d, functional.conv_transpose2d), 2),
    **dict.fromkeys((functional.conv3d, functional.conv_transpose3d), 3),
    **dict.fromkeys((functional.batch_norm, functional.instance_norm, functional.group_norm)),
}
"""Functions whose result has a channel axis: the number of axes after it; None if it is always axis 1."""

_PRODUCTS = frozenset(
    {torch.matmul, torch.mm, torch.bmm, Tensor.matmul, Tensor.mm, Tensor.bmm, Tensor.__matmul__, Tensor.__rmatmul__}
)
_LAST = _PRODUCTS | {
    functional.linear,
    functional.bilinear,
    functional.layer_norm,
    functional.rms_norm,
    functional.embedding,
    functional.scaled_dot_product_attention,
    functional.multi_head_attention_forward,
    torch.addmm,
    torch.einsum,
}
_ORDERS = frozenset(
    {torch.permute, Tensor.permute, torch.movedim, Tensor.movedim, torch.moveaxis, Tensor.moveaxis}
    | {torch.transpose, Tensor.transpose, torch.swapaxes, Tensor.swapaxes, torch.t, Tensor.t}
    | {Tensor.T.__get__, Tensor.mT.__get__}  # type: ignore[attr-defined]  # a mode receives getters as functions
)
_SHAPES = frozenset(
    {torch.reshape, Tensor.reshape, Tensor.view, torch.flatten, Tensor.flatten, torch.unflatten, Tensor.unflatten}
    | {torch.squeeze, Tensor.squeeze, torch.unsqueeze, Tensor.unsqueeze, Tensor.reshape_as, Tensor.view_as}
)
