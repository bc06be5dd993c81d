"""Rectangular nets: the same width in every hidden layer, dense or convolutional (J section 4, S section 4)."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from ...analyzer.errors import OptionError
from .inits import Init, initialize

Head = Literal["flatten", "concat_pool"]


class Hidden(nn.Module):
    """Dropout, affine map, batch norm, ReLU, of which only the second and the last must be.

    The dropout stands before the affine map, as in the authors' Keras code, so that it is on each layer's input.
    """

    def __init__(self, affine: nn.Linear | nn.Conv2d, *, batch_norm: bool, dropout: float | None) -> None:
        super().__init__()
        width = affine.weight.shape[0]
        norm = nn.BatchNorm1d if isinstance(affine, nn.Linear) else nn.BatchNorm2d
        self.dropout = nn.Identity() if dropout is None else nn.Dropout(dropout)
        self.affine = affine
        self.norm = norm(width, eps=1e-3, momentum=0.01) if batch_norm else nn.Identity()  # Keras' defaults
        self.relu = nn.ReLU()

    def forward(self, x: Tensor, shortcut: Tensor | None = None) -> Tensor:
        """The layer's activations; the shortcut is added to what the ReLU reads."""
        z = self.norm(self.affine(self.dropout(x)))
        out: Tensor = self.relu(z if shortcut is None else z + shortcut)
        return out


class EndPadded(nn.Conv2d):
    """A (2, 1) convolution that keeps the number of rows by a zero row behind the last, as TensorFlow's SAME does.

    It is what the published MOONS nets are made of: the two coordinates of a point are two rows, row 0 sees both, row
    1 sees itself and the zero, so a layer "of width w" has 2 w activations with shared weights.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(inputs, width, (2, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Features (sample, channel, row, 1) to features with as many rows."""
        return super().forward(nn.functional.pad(x, (0, 0, 0, 1)))


class ConcatPool(nn.Module):
    """Mean and maximum of each channel, side by side: (sample, channel, row, column) to (sample, 2 * channel)."""

    def forward(self, x: Tensor) -> Tensor:
        """Both pools of the feature maps."""
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)


class Rectangular(nn.Module):
    """Hidden layers of one width, then a linear head; build one with `dense`, `conv` or `conv21`.

    Args:
        layers: the hidden layers.
        pool: what makes the head's input of the last features.
        head: the affine map onto the classes.
        skip: every how many ReLUs the activations are added to what the ReLU then reads; 0 for never.
        max_pools: how many 2 x 2 maximum pools stand between the layers, at even distances.
    """

    def __init__(
        self, layers: list[Hidden], pool: nn.Module, head: nn.Linear, *, skip: int = 0, max_pools: int = 0
    ) -> None:
        super().__init__()
        if not layers:
            raise OptionError("a rectangular net needs at least one hidden layer; got depth 0")
        self.layers = nn.ModuleList(layers)
        self.head = nn.Sequential(OrderedDict(pool=pool, affine=head))
        self.skip = skip
        self.pooled = {(number + 1) * len(layers) // (max_pools + 1) for number in range(max_pools)}

    def forward(self, x: Tensor) -> Tensor:
        """Inputs (sample, ...) to logits (sample, class)."""
        shortcut: Tensor | None = None
        for number, layer in enumerate(self.layers):
            if number in self.pooled:
                x = nn.functional.max_pool2d(x, 2)
                shortcut = None if shortcut is None else nn.functional.max_pool2d(shortcut, 2)
            joins = self.skip > 0 and number % self.skip == 0
            x = layer(x, shortcut if joins else None)
            shortcut = x if joins else shortcut
        logits: Tensor = self.head(x)
        return logits


def dense(
    inputs: int,
    width: int,
    depth: int,
    classes: int,
    *,
    init: Init = "glorot",
    batch_norm: bool = False,
    dropout: float | None = None,
    skip: int = 0,
    generator: torch.Generator | None = None,
) -> Rectangular:
    """A rectangular net of dense layers: inputs (sample, input).

    With `init="zero"` the head keeps Glorot's weights, as in the published runs (S 4.2).

    >>> sum(parameter.numel() for parameter in dense(2, 3, 4, 1).parameters())
    49
    """
    maps = [nn.Linear(inputs if number == 0 else width, width) for number in range(depth)]
    return _net(
        maps,
        nn.Flatten(),
        nn.Linear(width, classes),
        init=init,
        batch_norm=batch_norm,
        dropout=dropout,
        generator=generator,
        skip=skip,
    )


def conv(
    channels: int,
    size: int,
    width: int,
    depth: int,
    classes: int,
    *,
    head: Head = "concat_pool",
    init: Init = "glorot",
    batch_norm: bool = False,
    dropout: float | None = None,
    skip: int = 0,
    max_pools: int = 0,
    generator: torch.Generator | None = None,
) -> Rectangular:
    """A rectangular net of 3 x 3 convolutions that keep the size: inputs (sample, channel, size, size).

    Args:
        channels: channels of the input.
        size: rows and columns of the input.
        width: channels of every hidden layer.
        depth: number of hidden layers.
        classes: number of logits.
        head: `concat_pool`, mean and maximum of each channel (J, CIFAR), or `flatten` (the Keras runs).
        init: how first weights are drawn; with "zero" the head keeps Glorot's.
        batch_norm: whether one stands between each convolution and its ReLU.
        dropout: rate on each layer's input; None for no dropout.
        skip: every how many ReLUs the activations are added to what the ReLU reads.
        max_pools: how many 2 x 2 maximum pools stand between the layers.
        generator: draws the weights; torch's global one by default.

    Raises:
        OptionError: an unknown head, or more pools than the size can be halved.
    """
    left = size >> max_pools
    if left < 1:
        raise OptionError(f"an image of {size} x {size} cannot be halved {max_pools} times; ask for fewer max_pools")
    if head not in {"flatten", "concat_pool"}:
        raise OptionError(f"head must be flatten or concat_pool; got {head!r}")
    maps = [nn.Conv2d(channels if number == 0 else width, width, 3, padding=1) for number in range(depth)]
    pool, features = (ConcatPool(), 2 * width) if head == "concat_pool" else (nn.Flatten(), width * left * left)
    return _net(
        maps,
        pool,
        nn.Linear(features, classes),
        init=init,
        batch_norm=batch_norm,
        dropout=dropout,
        generator=generator,
        skip=skip,
        max_pools=max_pools,
    )


def conv21(
    width: int,
    depth: int,
    classes: int = 1,
    *,
    init: Init = "glorot",
    batch_norm: bool = False,
    dropout: float | None = None,
    generator: torch.Generator | None = None,
) -> Rectangular:
    """The net of the published MOONS runs: (2, 1) convolutions over points as (sample, 1, 2, 1), then flatten.

    >>> conv21(3, 4)(torch.zeros(5, 1, 2, 1)).shape
    torch.Size([5, 1])
    """
    maps = [EndPadded(1 if number == 0 else width, width) for number in range(depth)]
    top = nn.Linear(2 * width, classes)
    return _net(maps, nn.Flatten(), top, init=init, batch_norm=batch_norm, dropout=dropout, generator=generator)


def _net(
    maps: Sequence[nn.Linear | nn.Conv2d],
    pool: nn.Module,
    head: nn.Linear,
    *,
    init: Init,
    batch_norm: bool,
    dropout: float | None,
    generator: torch.Generator | None,
    skip: int = 0,
    max_pools: int = 0,
) -> Rectangular:
    for affine in maps:
        initialize(affine, init, generator=generator)
    initialize(head, "glorot" if init == "zero" else init, generator=generator)
    layers = [Hidden(affine, batch_norm=batch_norm, dropout=dropout) for affine in maps]
    return Rectangular(layers, pool, head, skip=skip, max_pools=max_pools)
