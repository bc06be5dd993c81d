"""The benchmarked networks in plain torch, after their papers, with random weights, and their export to ONNX.

Run as `python benchmarks/nets.py NAME FILE`, where NAME is one of `BUILDERS`. Weights are initialized as in He et al.
(2015); batch norms get means and variances from smooth random images, so that about half of all units are active, as in
a trained network.
"""

import sys
from itertools import pairwise
from pathlib import Path

import torch
from subjects import NETS
from torch import nn


class Block(nn.Module):
    """The basic block of He et al., Deep residual learning (2015), figure 2: two convolutions and a shortcut."""

    def __init__(self, fan_in: int, width: int, *, stride: int, projected: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(fan_in, width, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width, momentum=None)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width, momentum=None)
        self.relu2 = nn.ReLU()
        if fan_in == width and stride == 1:
            self.shortcut: nn.Module = nn.Identity()
        elif projected:
            self.shortcut = nn.Sequential(
                nn.Conv2d(fan_in, width, 1, stride, bias=False), nn.BatchNorm2d(width, momentum=None)
            )
        else:
            self.shortcut = Padded(width - fan_in, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map features (sample, channel, row, column) to the block's width and stride."""
        out = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.norm2(self.conv2(out)) + self.shortcut(x))


class Padded(nn.Module):
    """Shortcut of option A (section 3.3 of that paper): every stride-th pixel, zeros for new channels; no weights."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.channels, self.stride = channels, stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map features (sample, channel, row, column) to fewer pixels and more channels."""
        return nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.channels))


def stages(widths: list[int], depth: int, *, projected: bool) -> list[nn.Module]:
    """Build stages of `depth` blocks each; every stage but the first halves the image."""
    blocks, fan_in = [], widths[0]
    for width in widths:
        for _ in range(depth):
            blocks.append(Block(fan_in, width, stride=1 if fan_in == width else 2, projected=projected))
            fan_in = width
    return blocks


def resnet18() -> nn.Module:
    """Build ResNet-18 for 224 x 224 images: table 1 of that paper, with projections (option B)."""
    stem = [nn.Conv2d(3, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64, momentum=None), nn.ReLU()]
    body = [nn.MaxPool2d(3, 2, padding=1), *stages([64, 128, 256, 512], 2, projected=True)]
    return nn.Sequential(*stem, *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def resnet20() -> nn.Module:
    """Build ResNet-20 for 32 x 32 images: section 4.2 of that paper, with zero-padded shortcuts (option A)."""
    stem = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16, momentum=None), nn.ReLU()]
    body = stages([16, 32, 64], 3, projected=False)
    return nn.Sequential(*stem, *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def mlp() -> nn.Module:
    """Build an MLP with 784 inputs, five hidden layers of 512 and 10 classes."""
    widths = [784, 512, 512, 512, 512, 512]
    hidden = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(512, 10))


class Layer(nn.Module):
    """A pre-norm encoder layer with GELU: Vaswani et al., Attention is all you need (2017), figure 1, left."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.enter, self.leave = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.gelu, self.narrow = nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map vectors (sample, token, width) to vectors of the same shape."""
        by_head = self.enter(self.norm1(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = by_head[0], by_head[1], by_head[2]
        weights = (query @ key.transpose(2, 3) / query.shape[3] ** 0.5).softmax(dim=3)
        x = x + self.leave((weights @ value).transpose(1, 2).flatten(2))
        return x + self.narrow(self.gelu(self.wide(self.norm2(x))))


class Transformer(nn.Module):
    """Token and position embeddings, six layers of width 256 with four heads, mean over tokens, 10 classes."""

    def __init__(self, vocabulary: int, tokens: int, width: int = 256) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.randn(tokens, width))
        self.layers = nn.Sequential(*(Layer(width, heads=4) for _ in range(6)))
        self.norm, self.decide = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map tokens (sample, token) to class scores."""
        return self.decide(self.norm(self.layers(self.embed(tokens) + self.places)).mean(dim=1))


def transformer() -> nn.Module:
    """Build a transformer for 128 tokens out of 1000."""
    return Transformer(1000, 128)


BUILDERS = {"resnet18": resnet18, "resnet20": resnet20, "mlp": mlp, "transformer": transformer}


def build(name: str) -> nn.Module:
    """Build a network with random weights, in evaluation mode."""
    torch.manual_seed(0)
    net = BUILDERS[name]()
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    with torch.no_grad():
        net.train()(torch.from_numpy(NETS[name].inputs(1, samples=8)))
    return net.eval()


def export(name: str, path: Path) -> None:
    """Export a network by torch's dynamo exporter, with a dynamic batch axis."""
    example = torch.from_numpy(NETS[name].inputs(1, samples=2))
    shapes = ({0: torch.export.Dim("batch")},)
    torch.onnx.export(build(name), (example,), path, dynamo=True, dynamic_shapes=shapes, verbose=False)


if __name__ == "__main__":
    export(sys.argv[1], Path(sys.argv[2]))
