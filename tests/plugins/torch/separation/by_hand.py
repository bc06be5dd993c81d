"""A net, and its penalty computed without hooks."""

import torch
from torch import nn

from relucid.plugins.torch.separation.separation_loss import penalty

from .extremes_reference import extremes_reference


def by_hand(model: nn.Sequential, x: torch.Tensor, **how) -> torch.Tensor:
    """The penalty of a sequential model from the inputs of its ReLUs, computed without hooks."""
    layers = []
    for module in model:
        if isinstance(module, nn.ReLU):
            layers.append(extremes_reference(x * 1))
        x = module(x)
    return penalty(layers, [how.pop("strength", 1e-3)] * len(layers), **how)


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


def net(*, inplace: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 4, 3), nn.ReLU(inplace), nn.Conv2d(4, 3, 3), nn.ReLU(inplace), nn.Flatten())
    return nn.Sequential(*layers, nn.Linear(12, 6), nn.ReLU(inplace), nn.Linear(6, 2)).double()


X = torch.randn(5, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
