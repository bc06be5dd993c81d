"""Signs: the patterns of one site in one forward as bits, and how many of them are others in a later forward."""

from dataclasses import dataclass
from math import prod
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor

from ....analyzer.errors import ModelError

Along = Literal["unit", "position"]

_FEW = 4
"""Fewer entries than this in a row leave too many of its last byte's bits unused."""

_NUMPY = frozenset({torch.float32, torch.float64, torch.float16})
_GATHER = 0x0102040810204080
"""Times eight bytes of 0 or 1, taken as one number: its highest byte holds the eight bits."""


@dataclass(frozen=True)
class Signs:
    """The patterns z > 0 of a site, one at each (sample, position), with a bit for each unit.

    A byte holds eight neighbours in memory: units where they are neighbours, else positions. So nothing is moved, and
    the bits take a thirty-second of the memory of float32; a sixteenth at the most.

    Args:
        words: bytes of bits: (pattern, word) along units, (outer, unit, word) along positions.
        along: which of them are neighbours.
        shape: of the pre-activations.
        count: how many patterns there are.
    """

    words: Tensor
    along: Along
    shape: tuple[int, ...]
    count: int

    @classmethod
    def of(cls, z: Tensor, unit_axis: int) -> Self:
        """The signs of pre-activations of any shape, whose other axes count samples and positions.

        >>> Signs.of(torch.tensor([[1.0, -1.0, 2.0, 0.0], [0.0, 3.0, 0.0, 0.0]]), 1).words.tolist()
        [[5], [2]]
        """
        along = _along(z, unit_axis)
        return cls(_words(z, unit_axis, along), along, tuple(z.shape), z.numel() // z.shape[unit_axis])

    def changed(self, z: Tensor, unit_axis: int) -> Tensor:
        """How many patterns differ in at least one unit in these pre-activations of the same samples.

        Args:
            z: pre-activations of the later forward.
            unit_axis: their axis that counts units.

        Raises:
            ModelError: their shape is another one.

        >>> before = Signs.of(torch.tensor([[1.0, -1.0], [0.0, 3.0], [1.0, 1.0]]), 1)
        >>> before.changed(torch.tensor([[2.0, 0.0], [4.0, 3.0], [0.0, 0.0]]), 1).item()
        2
        """
        if tuple(z.shape) != self.shape:
            raise ModelError(
                f"comparing patterns before and after a step: wanted values of shape {self.shape}, got "
                f"{tuple(z.shape)} for the same batch"
            )
        differ = self.words ^ _words(z, unit_axis, self.along)
        if self.along == "unit":
            return differ.any(-1).sum()
        return _BITS.to(z.device)[_any_unit(differ).long()].sum()


def _along(z: Tensor, unit_axis: int) -> Along:
    behind = prod(z.shape[unit_axis:][1:])
    if z.stride(unit_axis) == 1 or behind < _FEW:
        return "unit" if z.shape[unit_axis] >= _FEW else "position"
    return "position"


@torch.no_grad()
def _words(z: Tensor, unit_axis: int, along: Along) -> Tensor:
    """The bits of z > 0, a row for each pattern or for each stretch of positions of one unit."""
    units, behind = z.shape[unit_axis], prod(z.shape[unit_axis:][1:])
    if along == "unit":
        rows = z.movedim(unit_axis, -1).reshape(-1, units)
    elif behind >= _FEW:
        rows = z.reshape(-1, units, behind)
    else:
        rows = z.movedim(unit_axis, 0).reshape(1, units, -1)
    if z.device.type == "cpu":
        positive = rows.detach().numpy() > 0 if z.dtype in _NUMPY else (rows > 0).numpy()
        return torch.from_numpy(np.packbits(positive, axis=-1, bitorder="little"))
    return packed_bits(rows > 0)


def packed_bits(bits: Tensor) -> Tensor:
    """Eight neighbours of the last axis to a byte, the first to its lowest bit, as numpy packs them, on any device.

    >>> packed_bits(torch.tensor([[True, False, True]])).tolist()
    [[5]]
    """
    missing = -bits.shape[-1] % 8
    if missing:
        bits = torch.nn.functional.pad(bits, (0, missing))
    eights = bits.contiguous().view(torch.uint8).view(torch.int64)
    return ((eights * _GATHER) >> 56).to(torch.uint8)


def _any_unit(differ: Tensor) -> Tensor:
    """The bits of (outer, unit, word) that are set in any unit (outer, word)."""
    while (units := differ.shape[1]) > 1:
        half = units // 2
        folded = differ[:, :half] | differ[:, half : 2 * half]
        differ = torch.cat([folded, differ[:, -1:]], 1) if units % 2 else folded
    return differ.flatten(1)


_BITS = torch.tensor([number.bit_count() for number in range(256)])
