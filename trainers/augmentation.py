"""Data augmentation of CIFAR training images: random shifts and mirroring."""

import torch
from torch import Tensor
from torch.nn import functional as F

SHIFT = 4
"""Largest shift, in pixels."""


def shift_and_mirror(x: Tensor, *, generator: torch.Generator) -> Tensor:
    """Shift each image by up to four pixels, padding with zeros, and mirror it with probability 1/2.

    Args:
        x: images (sample, channel, row, column).
        generator: random generator of shifts and sides.

    >>> shift_and_mirror(torch.ones(5, 3, 32, 32), generator=torch.Generator().manual_seed(0)).shape
    torch.Size([5, 3, 32, 32])
    """
    count, _, height, width = x.shape
    down, right = torch.randint(0, 2 * SHIFT + 1, (2, count, 1), generator=generator)
    rows, columns = down + torch.arange(height), right + torch.arange(width)
    mirrored = torch.randint(0, 2, (count, 1), generator=generator) == 1
    columns = torch.where(mirrored, columns.flip(1), columns)
    padded = F.pad(x, (SHIFT, SHIFT, SHIFT, SHIFT)).permute(0, 2, 3, 1)
    windows = padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return windows.permute(0, 3, 1, 2)
