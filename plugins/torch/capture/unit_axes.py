"""Which axis of a tensor counts units, followed from what made it to where it is read, as a network runs.

The rules are those of the analyzer's sites: a convolution and a normalization over channels make axis 1, a linear map
and a layer normalization the last axis, a transposition moves it, elementwise functions and pooling keep it.
"""

import weakref
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .activations import Call

Found = tuple[int, str]


class UnitAxes:
    """The unit axes of the tensors of one forward; holds no tensor alive.

    >>> axes = UnitAxes()
    >>> call = Call(functional.linear, (torch.zeros(2, 5, 3), torch.zeros(4, 3)), {})
    >>> z = call.run()
    >>> axes.note(call, z)
    >>> axes.of(z)
    (2, 'linear makes it: last axis')
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Tensor], Found]] = {}

    def clear(self) -> None:
        """Forget the last forward."""
        self._known.clear()

    def of(self, z: Tensor) -> Found:
        """The unit axis of a tensor and the rule that found it."""
        found = self._find(z)
        if found is not None:
            return found
        if z.dim() <= 2:
            return max(z.dim() - 1, 0), "nothing known of its maker; last of at most two axes"
        return 1, "nothing known of its maker; axis 1 by convention"

    def note(self, call: Call, made: Any) -> None:
        """Remember what a call says of the axes of what it made."""
        for tensor in _tensors((made,)):
            found = self._made(call, tensor)
            if found is not None:
                self._known[id(tensor)] = weakref.ref(tensor), found

    def _find(self, z: Tensor) -> Found | None:
        entry = self._known.get(id(z))
        return entry[1] if entry is not None and entry[0]() is z else None

    def _made(self, call: Call, made: Tensor) -> Found | None:
        name = getattr(call.function, "__name__", "").strip("_")
        if call.function in _CHANNELS:
            behind = _CHANNELS[call.function]
            return 1 if behind is None else made.dim() - 1 - behind, f"{name} makes it: channel axis"
        if call.function in _LAST:
            left = call.function in _PRODUCTS and made.dim() > 1 and isinstance(call.arguments[0], nn.Parameter)
            return made.dim() - (2 if left else 1), f"{name} makes it: {'rows of its left' if left else 'last axis'}"
        for operand in _tensors((*call.arguments, *call.options.values())):
            found = self._find(operand)
            if found is not None:
                axis = _moved(call, operand, made, found[0])
                return None if axis is None else (axis, found[1])
        return None


def _moved(call: Call, source: Tensor, made: Tensor, axis: int) -> int | None:
    """Where an axis of the source stands in what the call made of it; None if it cannot be told."""
    if call.function in _ORDERS:
        ones = [1] * source.dim()
        numbered = torch.empty(ones).as_strided(
            ones, [*range(source.dim())]
        )  # each axis carries its number as its stride
        return list(call.function(numbered, *call.arguments[1:], **call.options).stride()).index(axis)
    if call.function in _SHAPES:
        return _kept_entries(source.shape, made.shape, axis)
    if call.function == Tensor.__getitem__ and (kept := _kept_entries(source.shape, made.shape, axis)) is not None:
        return kept
    if made.dim() >= source.dim():
        return axis + made.dim() - source.dim()
    return 1 if made.dim() == 2 else None


def _kept_entries(before: Sequence[int], after: Sequence[int], axis: int) -> int | None:
    """The axis of the same size with the same number of entries behind it; the last of two axes if there is none."""
    wanted = before[axis], prod(before[axis + 1 :])
    for place, size in enumerate(after):
        if (size, prod(after[place + 1 :])) == wanted:
            return place
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
"""Functions that make channels: how many axes stand behind theirs; None if it is axis 1, whatever stands behind."""

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
    | {Tensor.T.__get__, Tensor.mT.__get__}  # type: ignore[attr-defined]  # getters, which a mode sees as functions
)
_SHAPES = frozenset(
    {torch.reshape, Tensor.reshape, Tensor.view, torch.flatten, Tensor.flatten, torch.unflatten, Tensor.unflatten}
    | {torch.squeeze, Tensor.squeeze, torch.unsqueeze, Tensor.unsqueeze, Tensor.reshape_as, Tensor.view_as}
)
