"""A narrow net under ActCooLR, its batches, and a loop."""

import torch
from torch import nn
from torch.nn import functional as F

from relucid.plugins.torch import ActCooLR


def net(*, dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Linear(8, 64), nn.ReLU(), nn.BatchNorm1d(64), nn.Dropout(dropout), nn.Linear(64, 64), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(64, 3))


def attach_actcoolr(optimizer, model, **options) -> ActCooLR:
    """Train at a temperature low enough for so narrow a net."""
    return ActCooLR(optimizer, model, **{"total_steps": 50, "start_temperature": 1.0} | options)


def batch(step: int, size: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(size, 8, generator=generator)
    return x, x[:, :3].argmax(1)


def run(model, optimizer, schedule, steps, *, size: int = 64) -> list[float]:
    """Train for the steps of this range; the losses."""
    losses = []
    for step in steps:
        x, y = batch(step, size)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
        losses.append(loss.item())
    return losses


def sgd(model, **options):
    return torch.optim.SGD(model.parameters(), **{"lr": 1.0, "momentum": 0.9} | options)
