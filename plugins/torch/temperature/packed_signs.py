"""The patterns of a site in a forward, packed as bits, and the number of them that differ in a later forward."""

from dataclasses import dataclass
from math import prod
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor

from ....analyzer.errors import ModelError

Along = Literal["unit", "position"]

_MIN_ROW = 4
"""The fewest entries of a row; with fewer, too many bits of its last byte are unused."""

_NUMPY = frozenset({torch.float32, torch.float64, torch.float16})
_GATHER = 0x0102040810204080
"""Multiplied with eight bytes of 0 or 1, read as one integer, it moves the eight bits to the highest byte."""


@dataclass(frozen=True)
class PackedSigns:
    """The patterns z > 0 of a site, one at each (sample, position), with a bit for each unit.

    A byte holds eight entries that are adjacent in memory, units or else positions, so that no data is moved. The bits
    take 1/32 of the memory of float32, at most 1/16 with padding.

    Args:
        words: bytes of bits: (pattern, word) along units, (outer, unit, word) along positions.
        along: the axis that is packed.
        shape: the shape of the pre-activations.
        count: the number of patterns.
    """

    words: Tensor
    along: Along
    shape: tuple[int, ...]
    count: int

    @classmethod
    def of(cls, z: Tensor, unit_axis: int) -> Self:
        """Pack the signs of pre-activations of any shape; all axes but the unit axis are samples and positions.

        >>> PackedSigns.of(torch.tensor([[1.0, -1.0, 2.0, 0.0], [0.0, 3.0, 0.0, 0.0]]), 1).words.tolist()
        [[5], [2]]
        """
        along = _choose_axis(z, unit_axis)
        return cls(_pack(z, unit_axis, along), along, tuple(z.shape), z.numel() // z.shape[unit_axis])

    def count_changed(self, z: Tensor, unit_axis: int) -> Tensor:
        """Count the patterns that differ in at least one unit from those of z.

        Args:
            z: pre-activations of the same samples in a later forward.
            unit_axis: the unit axis of z.

        Returns:
            The count, a scalar tensor on the device of z.

        Raises:
            ModelError: z has another shape.

        >>> before = PackedSigns.of(torch.tensor([[1.0, -1.0], [0.0, 3.0], [1.0, 1.0]]), 1)
        >>> before.count_changed(torch.tensor([[2.0, 0.0], [4.0, 3.0], [0.0, 0.0]]), 1).item()
        2
        """
        if tuple(z.shape) != self.shape:
            raise ModelError(
                f"comparing patterns before and after a step: expected pre-activations of shape {self.shape}, got "
                f"{tuple(z.shape)}; the model has to return the same shapes for the same batch"
            )
        differ = self.words ^ _pack(z, unit_axis, self.along)
        if self.along == "unit":
            return differ.any(-1).sum()
        return _BIT_COUNTS.to(z.device)[_or_over_units(differ).long()].sum()


def _choose_axis(z: Tensor, unit_axis: int) -> Along:
    behind = prod(z.shape[unit_axis:][1:])
    if z.stride(unit_axis) == 1 or behind < _MIN_ROW:
        return "unit" if z.shape[unit_axis] >= _MIN_ROW else "position"
    return "position"


@torch.no_grad()
def _pack(z: Tensor, unit_axis: int, along: Along) -> Tensor:
    """Pack the bits of z > 0, a row for each pattern or for each run of positions of one unit."""
    units, behind = z.shape[unit_axis], prod(z.shape[unit_axis:][1:])
    if along == "unit":
        rows = z.movedim(unit_axis, -1).reshape(-1, units)
    elif behind >= _MIN_ROW:
        rows = z.reshape(-1, units, behind)
    else:
        rows = z.movedim(unit_axis, 0).reshape(1, units, -1)
    if z.device.type == "cpu":
        positive = rows.detach().numpy() > 0 if z.dtype in _NUMPY else (rows > 0).numpy()
        return torch.from_numpy(np.packbits(positive, axis=-1, bitorder="little"))
    return pack_bits(rows > 0)


def pack_bits(bits: Tensor) -> Tensor:
    """Pack the last axis, eight bits to a byte in little bit order, as `numpy.packbits` but on any device.

    >>> pack_bits(torch.tensor([[True, False, True]])).tolist()
    [[5]]
    """
    missing = -bits.shape[-1] % 8
    if missing:
        bits = torch.nn.functional.pad(bits, (0, missing))
    eights = bits.contiguous().view(torch.uint8).view(torch.int64)
    return ((eights * _GATHER) >> 56).to(torch.uint8)


def _or_over_units(differ: Tensor) -> Tensor:
    """Bitwise or of (outer, unit, word) over units; returns (outer, word)."""
    while (units := differ.shape[1]) > 1:
        half = units // 2
        folded = differ[:, :half] | differ[:, half : 2 * half]
        differ = torch.cat([folded, differ[:, -1:]], 1) if units % 2 else folded
    return differ.flatten(1)


_BIT_COUNTS = torch.tensor([number.bit_count() for number in range(256)])
