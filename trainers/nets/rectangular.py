"""Rectangular nets, with one width in all hidden layers: dense or convolutional (J section 4, S section 4), and F1."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from ...analyzer.errors import OptionError
from .inits import Init, initialize

Head = Literal["flatten", "concat_pool"]


class Hidden(nn.Module):
    """Dropout, affine map, batch norm and ReLU; dropout and batch norm are optional.

    Dropout comes before the affine map, as in the authors' Keras code, so it applies to each layer's input.
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
        """Return the layer's activations; the shortcut, if any, is added to the pre-activation."""
        z = self.norm(self.affine(self.dropout(x)))
        out: Tensor = self.relu(z if shortcut is None else z + shortcut)
        return out


class EndPadded(nn.Conv2d):
    """A (2, 1) convolution that keeps the number of rows by padding one zero row at the end, like TensorFlow's SAME.

    The published MOONS nets consist of these layers: the two coordinates of a point are two rows, row 0 depends on
    both, row 1 on itself and the zero, so a layer "of width w" has 2 w activations with shared weights.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(inputs, width, (2, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map features (sample, channel, row, 1) to features with the same number of rows."""
        return super().forward(nn.functional.pad(x, (0, 0, 0, 1)))


class ConcatPool(nn.Module):
    """Mean and maximum of each channel, concatenated: (sample, channel, row, column) to (sample, 2 * channel)."""

    def forward(self, x: Tensor) -> Tensor:
        """Pool the feature maps."""
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)


class Rectangular(nn.Module):
    """Hidden layers of one width, then a linear head; build one with `dense`, `conv` or `conv21`.

    Args:
        layers: the hidden layers.
        pool: maps the last features to the input of the head.
        head: the affine map to the logits.
        skip: period, in ReLUs, at which the activations of the last such ReLU are added to the pre-activation; 0 for no
            shortcuts.
        max_pools: number of 2 x 2 maximum pools, evenly spaced between the layers.
    """

    def __init__(
        self, layers: list[Hidden], pool: nn.Module, head: nn.Linear, *, skip: int = 0, max_pools: int = 0
    ) -> None:
        super().__init__()
        if not layers:
            raise OptionError("depth: expected at least 1, got 0")
        self.layers = nn.ModuleList(layers)
        self.head = nn.Sequential(OrderedDict(pool=pool, affine=head))
        self.skip = skip
        self.pooled = {(number + 1) * len(layers) // (max_pools + 1) for number in range(max_pools)}

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (sample, ...) to logits (sample, class)."""
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
    """Build a rectangular net of dense layers for inputs (sample, input).

    With `init="zero"` the head is still initialized by Glorot, as in the published runs (S 4.2).

    >>> sum(parameter.numel() for parameter in dense(2, 3, 4, 1).parameters())
    49
    """
    maps = [nn.Linear(inputs if number == 0 else width, width) for number in range(depth)]
    return _assemble(
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
    """Build a rectangular net of 3 x 3 convolutions that keep the size, for inputs (sample, channel, size, size).

    Args:
        channels: channels of the input.
        size: rows and columns of the input.
        width: channels of every hidden layer.
        depth: number of hidden layers.
        classes: number of logits.
        head: `concat_pool`, mean and maximum of each channel (J, CIFAR), or `flatten` (the Keras runs).
        init: weight initialization; with "zero" the head is initialized by Glorot.
        batch_norm: whether to normalize between each convolution and its ReLU.
        dropout: rate on each layer's input; None for no dropout.
        skip: period of the shortcuts, in ReLUs, see `Rectangular`; 0 for none.
        max_pools: number of 2 x 2 maximum pools between the layers.
        generator: random generator of the weights; torch's global one by default.

    Raises:
        OptionError: the head is unknown, the depth is 0, or `max_pools` exceeds log2 of `size`.
    """
    left = size >> max_pools
    if left < 1:
        raise OptionError(
            f"max_pools: expected at most log2 of the size {size}, got {max_pools}; pass a smaller number"
        )
    if head not in {"flatten", "concat_pool"}:
        raise OptionError(f"head: expected flatten or concat_pool, got {head!r}")
    maps = [nn.Conv2d(channels if number == 0 else width, width, 3, padding=1) for number in range(depth)]
    pool, features = (ConcatPool(), 2 * width) if head == "concat_pool" else (nn.Flatten(), width * left * left)
    return _assemble(
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
    """Build the net of the published MOONS runs: (2, 1) convolutions over points (sample, 1, 2, 1), then flatten.

    >>> conv21(3, 4)(torch.zeros(5, 1, 2, 1)).shape
    torch.Size([5, 1])
    """
    maps = [EndPadded(1 if number == 0 else width, width) for number in range(depth)]
    top = nn.Linear(2 * width, classes)
    return _assemble(maps, nn.Flatten(), top, init=init, batch_norm=batch_norm, dropout=dropout, generator=generator)


def f1(
    *, inputs: int = 784, classes: int = 10, batch_norm: bool = False, generator: torch.Generator | None = None
) -> nn.Sequential:
    """Build the thesis' fully connected net, 784 - 512 - 512 - 512 - 512 - 512 - 10 by default (H section 2.1.1 ii).

    Args:
        inputs: number of values in a sample; samples of any shape are flattened.
        classes: number of logits.
        batch_norm: whether to normalize before each ReLU, as in the lower rows of Fig 2.12.
        generator: random generator of the weights (Kaiming); torch's global one by default.

    >>> sum(parameter.numel() for parameter in f1().parameters())
    1457674
    """
    net = dense(inputs, 512, 5, classes, init="kaiming", batch_norm=batch_norm, generator=generator)
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), net=net))


def _assemble(
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
