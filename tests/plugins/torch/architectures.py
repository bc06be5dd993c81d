"""Small networks with the parts people build theirs from, each with an input; every ReLU-like use is one of a kind."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class BasicBlock(nn.Module):
    """Two convolutions, one ReLU module in place for both, as torchvision writes it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x
        return self.relu(out)


class InvertedResidual(nn.Module):
    def __init__(self, width: int, act: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, 2 * width, 1),
            act(),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width),
            act(),
            nn.Conv2d(2 * width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class SqueezeExcite(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(width, 2, 1), nn.Conv2d(2, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = functional.adaptive_avg_pool2d(x, 1)
        return x * functional.hardsigmoid(self.expand(functional.relu(self.reduce(gate))))


class ConvNeXt(nn.Module):
    """Channels last in the middle."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(3 * width, width)
        self.act = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.down(self.act(self.up(self.norm(self.mix(x).permute(0, 2, 3, 1)))))
        return x + y.permute(0, 3, 1, 2)


class DenseNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(3 + 2 * depth) for depth in range(3)])
        self.convs = nn.ModuleList([nn.Conv2d(3 + 2 * depth, 2, 3, padding=1) for depth in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x = torch.cat([x, conv(functional.relu(norm(x)))], 1)
        return x


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.up, self.out = nn.Conv2d(3, 4, 2, 2), nn.ConvTranspose2d(4, 4, 2, 2), nn.Conv2d(7, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        low = functional.leaky_relu(self.down(x), 0.2)
        return self.out(torch.cat([x, functional.leaky_relu_(self.up(low), 0.2)], 1))


class VGG(nn.Module):
    """Functions in place of modules."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3), nn.Linear(5, 6), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.a(x)), 2)
        x = torch.relu(self.b(x))
        return self.d(self.c(x.view(x.shape[0], -1)).relu())


class Clamps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(9)])

    def forward(self, x: Tensor) -> Tensor:
        zero = torch.zeros(())
        uses = (
            lambda z: z.clamp(min=0),
            lambda z: z.clamp_min(0),
            lambda z: torch.maximum(z, zero),
            lambda z: torch.maximum(zero, z),
            lambda z: z.relu_(),
            lambda z: z.clamp_(0, 3),
            lambda z: torch.clamp(z, 0),
            lambda z: functional.threshold(z, 0, 0),
            lambda z: functional.hardtanh(z.clamp(min=-1), 0, 2),
        )
        for layer, use in zip(self.layers, uses, strict=True):
            x = use(layer(x))
        return x


class VisionTransformer(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, 2, 2)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.attend = nn.MultiheadAttention(width, 2, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 12), nn.GELU(), nn.Linear(12, width))
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)
        y = self.norm1(x)
        x = x + self.attend(y, y, y, need_weights=False)[0]
        x = x + self.mlp(self.norm2(x))
        return self.head(functional.silu(x[:, 0]))


class Mixer(nn.Module):
    """The units of the first map stand on the middle axis while it works."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.channels = nn.Linear(5, 7), nn.Linear(4, 6)
        self.act = nn.SELU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.tokens(x.mT).mT
        return self.channels(self.act(y)).relu()


class Nested(nn.Module):
    """The same block twice, one of its parts called alone, a helper method, a list whose layers share one module."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU())
        act = nn.ELU()
        self.lists = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), act) for _ in range(2)])

    def helper(self, x: Tensor) -> Tensor:
        return functional.relu(x)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block(self.block(x) - 1)
        x = self.block[1](self.helper(x - 1) - 1)
        for layer in self.lists:
            x = layer(x)
        return self.helper(self.lists[0](x))


def _perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3), nn.ReLU())


def _temporal() -> nn.Module:
    acts = (nn.PReLU(), nn.PReLU(4), nn.ELU(), nn.SELU(), nn.CELU(), nn.Mish(), nn.Softplus())
    layers = [part for act in acts for part in (nn.Conv1d(4, 4, 3, padding=1), act)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 2))


def _mobile() -> nn.Module:
    blocks = [InvertedResidual(4, nn.ReLU6), InvertedResidual(4, nn.Hardswish), SqueezeExcite(4)]
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.SiLU(), *blocks)


def _transformer() -> nn.Module:
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 2, enable_nested_tensor=False)


def _resnet() -> nn.Module:
    stem = (nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
    return nn.Sequential(*stem, BasicBlock(4), BasicBlock(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


ARCHITECTURES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "perceptron": (_perceptron, (3, 4)),
    "resnet": (_resnet, (3, 3, 8, 8)),
    "mobile": (_mobile, (3, 3, 8, 8)),
    "convnext": (lambda: nn.Sequential(nn.Conv2d(3, 4, 2, 2), ConvNeXt(4), ConvNeXt(4)), (3, 3, 8, 8)),
    "densenet": (DenseNet, (3, 3, 5, 5)),
    "unet": (UNet, (3, 3, 8, 8)),
    "vgg": (VGG, (3, 3, 9, 9)),
    "clamps": (Clamps, (3, 4)),
    "vit": (VisionTransformer, (3, 3, 4, 4)),
    "transformer": (_transformer, (3, 5, 8)),
    "temporal": (_temporal, (3, 4, 6)),
    "mixer": (Mixer, (3, 5, 4)),
    "nested": (Nested, (3, 4)),
}


def build(name: str) -> tuple[nn.Module, Tensor]:
    """The network, its weights by a fixed seed, and an input."""
    make, shape = ARCHITECTURES[name]
    torch.manual_seed(0)
    return make(), torch.randn(shape)
