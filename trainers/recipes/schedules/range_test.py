"""A range test: the loss while the learning rate grows, and the rate to train with that it tells (Smith, 2017)."""

from collections.abc import Sequence
from math import inf, isfinite

import numpy as np
import torch
from torch import nn

from ...datasets.labelled import Labelled
from ...loop import cross_entropy, tensors

LEAST, MOST, STEPS = 1e-4, 10.0, 200
SMOOTHING, RISEN, BELOW = 0.9, 4.0, 3.0


def told_rate(rates: Sequence[float], losses: Sequence[float]) -> float:
    """A third of the rate at which the smoothed loss is least.

    The losses are averaged exponentially (0.9), corrected for their start. What comes after the average has risen to
    four times its least value, or is no number, does not count.

    >>> told_rate([0.03, 0.3, 3.0, 30.0], [2.0, 0.5, 0.1, 90.0])
    1.0
    """
    average, best, found = 0.0, inf, rates[0]
    for number, (rate, loss) in enumerate(zip(rates, losses, strict=False), 1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smooth = average / (1 - SMOOTHING**number)
        if not isfinite(smooth) or smooth > RISEN * best:
            break
        if smooth < best:
            best, found = smooth, rate
    return found / BELOW


def range_test(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Labelled,
    *,
    batch: int,
    shuffle: torch.Generator,
    steps: int = STEPS,
) -> float:
    """The rate that so many steps tell, each at a larger rate, from 1e-4 to 10; the model is trained by it.

    Args:
        model: samples to logits.
        optimizer: of its parameters.
        data: what it is trained on, as often as needed.
        batch: samples in a step.
        shuffle: draws the samples of each step.
        steps: how many.
    """
    device = next(model.parameters()).device
    rates, losses = np.geomspace(LEAST, MOST, steps).tolist(), []
    model.train()
    for rate in rates:
        for group in optimizer.param_groups:
            group["lr"] = rate
        x, y = tensors(data, torch.randint(len(data), (batch,), generator=shuffle), device)
        loss = cross_entropy(model(x), y)
        losses.append(loss.item())
        if not isfinite(losses[-1]) or losses[-1] > RISEN * RISEN * min(losses):
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return told_rate(rates, losses)
