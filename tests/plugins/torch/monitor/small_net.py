"""A small net, data for it, and a training loop."""

import torch
from torch import nn


def net() -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(24, 5), nn.ReLU(), nn.Linear(5, 2)
    )
    with torch.no_grad():
        model[3].bias -= torch.tensor([9.0, 0.3, 0.3, -9.0, 0.0])
    return model


def batches(count: int, size: int = 8) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(size, 1, 4, 4, generator=generator) for _ in range(count)]


def train(model, data, *, rate: float = 0.1):
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    for x in data:
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
