"""Small MOONS nets of one width and several depths, for the tests of stacked nets."""

import torch

from relucid.trainers.nets import conv21, dense

BUILD = {"conv21": conv21, "dense": lambda width, depth, **options: dense(2, width, depth, 1, **options)}
DEPTHS = (6, 4, 4, 1)


def build_nets(arch: str, *, seed: int = 0, depths: tuple[int, ...] = DEPTHS, **options) -> list:
    generator = torch.Generator().manual_seed(seed)
    return [BUILD[arch](3, depth, generator=generator, **options) for depth in depths]


def shape_points(arch: str, x: torch.Tensor) -> torch.Tensor:
    """Reshape points (sample, 2) to the input of a net."""
    return x[:, None, :, None] if arch == "conv21" else x
