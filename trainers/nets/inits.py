"""Weight initializations under the papers' names: Glorot, Kaiming, PyTorch's default, zero."""

import math
from typing import Literal

import torch
from torch import nn

from ...analyzer.errors import OptionError

Init = Literal["glorot", "kaiming", "torch", "zero"]
INITS: tuple[Init, ...] = ("glorot", "kaiming", "torch", "zero")


def initialize(layer: nn.Linear | nn.Conv2d, init: Init, *, generator: torch.Generator | None = None) -> None:
    """Initialize a layer's weight and bias in place.

    glorot: U(+-sqrt(6 / (fan_in + fan_out))), bias 0 (Keras' default; MOONS and MNIST of J and S). kaiming: He's
    U(+-sqrt(6 / fan_in)), bias 0. torch: U(+-1 / sqrt(fan_in)) for weight and bias, a sixth of Kaiming's variance;
    J's CIFAR runs call it Kaiming uniform. zero: all zeros (S 4.2).

    Raises:
        OptionError: `init` is not one of `INITS`.

    >>> layer = nn.Linear(2, 3)
    >>> initialize(layer, "zero")
    >>> layer.weight.abs().max().item(), layer.bias.abs().max().item()
    (0.0, 0.0)
    """
    fan_in = layer.weight[0].numel()
    biases = [] if layer.bias is None else [layer.bias]
    for bias in biases:
        nn.init.zeros_(bias)
    if init == "glorot":
        nn.init.xavier_uniform_(layer.weight, generator=generator)
    elif init == "kaiming":
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
    elif init == "torch":
        bound = 1 / math.sqrt(fan_in)
        for parameter in (layer.weight, *biases):
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
    elif init == "zero":
        nn.init.zeros_(layer.weight)
    else:
        raise OptionError(f"init: expected one of {', '.join(INITS)}, got {init!r}")
