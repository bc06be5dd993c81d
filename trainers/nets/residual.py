"""ResNet-20 and -32 and the thesis' variants: ConvNet without shortcuts, ToyNet of one width (H 3.1.3).

Pre-activation blocks with shortcuts of option A (strided identity, zeros for new channels) as in the authors' code. The
first convolution has no ReLU; the pooling is preceded by a batch norm and a ReLU. So depth 20 has 19 ReLUs.
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from ...analyzer.errors import OptionError


class PreActivationBlock(nn.Module):
    """Batch norm, ReLU and a 3 x 3 convolution, twice; `shortcut` adds the input to the result."""

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
        """Map features (sample, channel, row, column) to the block's width, at 1/stride of the size."""
        out: Tensor = self.conv2(self.relu2(self.norm2(self.conv1(self.relu1(self.norm1(x))))))
        if not self.shortcut:
            return out
        return out + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))


class ResidualNet(nn.Module):
    """A first convolution, three stages of blocks at full, half and quarter size, mean pooling, a linear head.

    Args:
        depth: 6 n + 2 for n blocks a stage.
        widths: channels of the three stages; the first convolution has as many as the first stage.
        shortcut: whether blocks add their input.
        activation: module used as every ReLU; the thesis also uses `nn.PReLU` and `nn.LeakyReLU`.
        channels: channels of the input.
        classes: number of logits.

    Raises:
        OptionError: `depth` is not of that form.
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
            raise OptionError(f"depth: expected 6 n + 2 (8, 14, 20, 32, ...), got {depth}")
        self.conv = nn.Conv2d(channels, widths[0], 3, padding=1, bias=False)
        stages, inputs = [], widths[0]
        for stage, width in enumerate(widths):
            strides = [1 if stage == 0 else 2] + [1] * (blocks - 1)
            sizes = [inputs] + [width] * (blocks - 1)
            rows = zip(sizes, strides, strict=True)
            options: dict[str, Any] = {"shortcut": shortcut, "activation": activation}
            stages.append(nn.Sequential(*(PreActivationBlock(size, width, step, **options) for size, step in rows)))
            inputs = width
        self.stages = nn.Sequential(*stages)
        self.norm = nn.BatchNorm2d(inputs)
        self.relu = activation()
        self.classes = nn.Linear(inputs, classes)
        initialize_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (sample, channel, row, column) to logits (sample, class)."""
        features = self.relu(self.norm(self.stages(self.conv(x))))
        logits: Tensor = self.classes(features.mean((2, 3)))
        return logits


def initialize_convolutions(net: nn.Module) -> None:
    """Initialize the weights of all convolutions of a net (He et al., by fan-out)."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def resnet(depth: int = 20, **options: Any) -> ResidualNet:
    """Build ResNet-20, -32, ...: 16, 32 and 64 channels with shortcuts; `options` are those of `ResidualNet`.

    >>> sum(parameter.numel() for parameter in resnet(20).parameters())
    269722
    """
    return ResidualNet(depth, **options)


def convnet(depth: int = 20, **options: Any) -> ResidualNet:
    """Build ConvNet-20: a ResNet-20 without its (parameter-free) shortcuts."""
    return ResidualNet(depth, shortcut=False, **options)


def toynet(depth: int = 20, *, width: int = 32, **options: Any) -> ResidualNet:
    """Build ToyNet-20: a ConvNet-20 with 32 channels throughout; sizes are halved at the same blocks.

    >>> import torch
    >>> toynet()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    return ResidualNet(depth, widths=(width, width, width), shortcut=False, **options)
