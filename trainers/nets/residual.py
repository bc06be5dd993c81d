"""ResNet-20 and -32, and what the thesis makes of them: ConvNet without shortcuts, ToyNet of one width (H 3.1.3).

Pre-activation blocks with shortcuts of option A (strided identity, new channels zero) as in the authors' code: the
first convolution has no ReLU, a batch norm and a ReLU stand before the pooling, so a net of depth 20 has 19 ReLUs.
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from ...analyzer.errors import OptionError


class Block(nn.Module):
    """Two 3 x 3 convolutions, each behind its batch norm and ReLU; the input is added unless `shortcut` is off."""

    def __init__(
        self, inputs: int, width: int, stride: int, *, shortcut: bool, activation: Callable[[], nn.Module]
    ) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.relu1 = activation()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.relu2 = activation()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.shortcut = shortcut
        self.stride = stride
        self.new = width - inputs

    def forward(self, x: Tensor) -> Tensor:
        """Features (sample, channel, row, column) to those of the block's width, at 1/stride of the size."""
        out: Tensor = self.conv2(self.relu2(self.norm2(self.conv1(self.relu1(self.norm1(x))))))
        if not self.shortcut:
            return out
        return out + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))


class Residual(nn.Module):
    """A first convolution, three stages of blocks at full, half and quarter size, mean pooling, a linear head.

    Args:
        depth: 6 n + 2 for n blocks a stage.
        widths: channels of the three stages; the first convolution has those of the first.
        shortcut: whether blocks add their input.
        activation: what stands for every ReLU: the thesis also has `nn.PReLU` and `nn.LeakyReLU`.
        channels: channels of the input.
        classes: number of logits.

    Raises:
        OptionError: no whole number of blocks makes that depth.
    """

    def __init__(
        self,
        depth: int = 20,
        *,
        widths: Sequence[int] = (16, 32, 64),
        shortcut: bool = True,
        activation: Callable[[], nn.Module] = nn.ReLU,
        channels: int = 3,
        classes: int = 10,
    ) -> None:
        super().__init__()
        blocks, rest = divmod(depth - 2, 6)
        if rest or blocks < 1:
            raise OptionError(f"a residual net's depth must be 6 n + 2 (8, 14, 20, 32, ...); got {depth}")
        self.conv = nn.Conv2d(channels, widths[0], 3, padding=1, bias=False)
        stages, inputs = [], widths[0]
        for stage, width in enumerate(widths):
            strides = [1 if stage == 0 else 2] + [1] * (blocks - 1)
            sizes = [inputs] + [width] * (blocks - 1)
            rows = zip(sizes, strides, strict=True)
            blocks_of = (Block(size, width, stride, shortcut=shortcut, activation=activation) for size, stride in rows)
            stages.append(nn.Sequential(*blocks_of))
            inputs = width
        self.stages = nn.Sequential(*stages)
        self.norm = nn.BatchNorm2d(inputs)
        self.relu = activation()
        self.classes = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Images (sample, channel, row, column) to logits (sample, class)."""
        features = self.relu(self.norm(self.stages(self.conv(x))))
        logits: Tensor = self.classes(features.mean((2, 3)))
        return logits


def resnet(depth: int = 20, **options: Any) -> Residual:
    """ResNet-20, -32, ...: 16, 32 and 64 channels with shortcuts; `options` are those of `Residual`.

    >>> sum(parameter.numel() for parameter in resnet(20).parameters())
    269722
    """
    return Residual(depth, **options)


def convnet(depth: int = 20, **options: Any) -> Residual:
    """ConvNet-20: a ResNet-20 without its shortcuts, which have no parameters."""
    return Residual(depth, shortcut=False, **options)


def toynet(depth: int = 20, *, width: int = 32, **options: Any) -> Residual:
    """ToyNet-20: a ConvNet-20 of 32 channels throughout; sizes are halved where the ResNet's are.

    >>> import torch
    >>> toynet()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    return Residual(depth, widths=(width, width, width), shortcut=False, **options)
