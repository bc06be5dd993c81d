"""Activations in 16 bits as torch has them, with straight-through gradients."""

import torch
from torch import Tensor

from ..fixed_point import HIGHEST, LOWEST
from .straight_through import straight_through


def fixed(x: Tensor, fraction: int) -> Tensor:
    """The nearest multiples of 2^-f in 16 bits, float32, with the gradient of x.

    >>> fixed(torch.tensor([0.5001, -40.0]), 10).tolist()
    [0.5, -32.0]
    """
    steps = torch.round(torch.ldexp(x.detach(), torch.tensor(fraction))).clamp(LOWEST, HIGHEST)
    return straight_through(x, torch.ldexp(steps, torch.tensor(-fraction)).float())


def settled(total: Tensor, bias: Tensor, fraction: int) -> Tensor:
    """Sums as activations: halves rounded up, the bias in whole steps added, saturated to 16 bits, float32.

    Args:
        total: exact sums.
        bias: in the unit of the sums; broadcast against them.
        fraction: f, bits behind the point of what is made.

    >>> settled(torch.tensor([0.5, 1.5]).double(), torch.tensor(1.0), 0).tolist()
    [2.0, 3.0]
    """
    with torch.no_grad():
        steps = torch.floor(total * 2.0**fraction + 0.5)
        biases = torch.round(bias.double() * 2.0**fraction).clamp(-(2**30), 2**30)
        value = ((steps + biases.to(steps.dtype)).clamp(LOWEST, HIGHEST) * 2.0**-fraction).float()
    return straight_through(total + bias, value)
