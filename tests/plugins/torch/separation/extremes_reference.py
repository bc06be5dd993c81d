"""The slow twin of `extremes`: every extreme is the maximum of a row of numbers, its gradient left to torch."""

from collections.abc import Sequence

import torch
from torch import Tensor

from relucid.plugins.torch.separation.extreme_values import Axis, ConvUnits, Extremes, Ties, as_block


def extremes_reference(
    z: Tensor,
    *,
    unit_axis: int = 1,
    axes: Sequence[Axis] = ("unit", "point"),
    conv_units: ConvUnits = "channel",
    ties: Ties = "one",
) -> Extremes:
    """Return the same as `extremes`, with the same gradient; for `random` ties it is that of `one`.

    >>> extremes_reference(torch.tensor([[1.0, -2.0], [3.0, -4.0]]))
    Extremes(high=tensor([ 3., -2.,  1.,  3.]), low=tensor([ 1., -4., -2., -4.]))
    """
    block = as_block(z, unit_axis)
    rows = []
    if "unit" in axes and conv_units == "channel":
        rows.append(block.permute(2, 0, 1).flatten(1))  # max over n, y, x of g[n, c, y, x]
    if "unit" in axes and conv_units == "position":
        rows.append(block.flatten(1).t())  # max over n
    if "point" in axes and conv_units == "channel":
        rows.append(block.transpose(1, 2).flatten(1))  # max over c, y, x
    if "point" in axes and conv_units == "position":
        rows.append(block.flatten(0, 1))  # max over c
    if "layer" in axes:
        rows.append(block.reshape(1, -1))  # max over everything
    if ties == "shared":
        return Extremes(torch.cat([row.amax(1) for row in rows]), torch.cat([row.amin(1) for row in rows]))
    return Extremes(torch.cat([row.max(1).values for row in rows]), torch.cat([row.min(1).values for row in rows]))
