"""Networks of the PSB figures: eight convolutions of stride 2, and a ResNet with batch norms after its additions."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from ...nets.residual import initialize_convolutions


def small_net(*, width: int = 64, depth: int = 8, channels: int = 3, classes: int = 10) -> nn.Sequential:
    """Build the net of Fig 4.2: 3 x 3 convolutions of stride 2 with batch norm and ReLU, mean pooling, a 1 x 1 head.

    As in the authors' code an image of 32 x 32 is reduced to one position by the fifth convolution; the later ones see
    only padding around it.

    >>> import torch
    >>> small_net()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    layers: list[nn.Module] = []
    for number in range(depth):
        inputs = width if number else channels
        layers += [nn.Conv2d(inputs, width, 3, 2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, classes, 1), nn.Flatten())
    for module in net:
        if isinstance(module, nn.Conv2d):  # lecun_uniform
            bound = (3 / module.weight[0].numel()) ** 0.5
            nn.init.uniform_(module.weight, -bound, bound)
    return net


class AfterBlock(nn.Module):
    """Two 3 x 3 convolutions, with the second batch norm after the addition, so that it also scales the shortcut."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.stride = stride
        self.new = width - inputs

    def forward(self, x: Tensor) -> Tensor:
        """Map features (sample, channel, row, column) to the block's width, at 1/stride of the size."""
        branch = self.conv2(F.relu(self.norm1(self.conv1(x))))
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))
        return F.relu(self.norm2(branch + shortcut))


class AfterAddition(nn.Module):
    """A ResNet of depth 6 n + 2 with "BN after addition" (He et al., Identity mappings, Fig 4b).

    The thesis' bad example (H 4.2.3): the shortcut path is multiplied by the batch norm of every block, a chain of
    stochastic multiplications, whereas in `ResidualNet` it contains additions only.

    >>> import torch
    >>> AfterAddition(8)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self, depth: int = 20, *, widths: Sequence[int] = (16, 32, 64), channels: int = 3, classes: int = 10
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, widths[0], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        blocks, inputs = [], widths[0]
        for stage, width in enumerate(widths):
            for number in range((depth - 2) // 6):
                blocks.append(AfterBlock(inputs, width, 2 if stage and not number else 1))
                inputs = width
        self.blocks = nn.Sequential(*blocks)
        self.classes = nn.Linear(inputs, classes)
        initialize_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (sample, channel, row, column) to logits (sample, class)."""
        features = self.blocks(F.relu(self.norm(self.conv(x))))
        logits: Tensor = self.classes(features.mean((2, 3)))
        return logits
