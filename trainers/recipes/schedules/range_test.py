"""Learning rate range test: the loss while the rate grows, and the rate to train with (Smith, 2017)."""

from collections.abc import Callable, Sequence
from math import inf, isfinite

import numpy as np
import torch
from torch import Tensor, nn

from ...datasets.labelled import Labelled
from ...loop import cross_entropy, to_tensors

LEAST, MOST, STEPS = 1e-4, 10.0, 200
SMOOTHING, RISEN, BELOW = 0.9, 4.0, 3.0


def suggest_rate(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Return a third of the rate at which the smoothed loss is smallest.

    The losses are smoothed by a bias-corrected exponential average (0.9). Losses after the average has risen to four
    times its minimum, or is not finite, are ignored.

    >>> suggest_rate([0.03, 0.3, 3.0, 30.0], [2.0, 0.5, 0.1, 90.0])
    1.0
    """
    average, best, best_rate = 0.0, inf, rates[0]
    for number, (rate, loss) in enumerate(zip(rates, losses, strict=False), 1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smooth = average / (1 - SMOOTHING**number)
        if not isfinite(smooth) or smooth > RISEN * best:
            break
        if smooth < best:
            best, best_rate = smooth, rate
    return best_rate / BELOW


def run_range_test(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Labelled,
    *,
    batch: int,
    shuffle: torch.Generator,
    augment: Callable[[Tensor], Tensor] | None = None,
    steps: int = STEPS,
) -> float:
    """Train for some steps at rates from 1e-4 to 10 and return the suggested rate; the model is left trained.

    Args:
        model: maps samples to logits.
        optimizer: optimizer of its parameters.
        data: training set.
        batch: samples per step.
        shuffle: random generator of the samples of each step.
        augment: applied to the samples of each step.
        steps: number of steps.
    """
    device = next(model.parameters()).device
    rates, losses = np.geomspace(LEAST, MOST, steps).tolist(), []
    model.train()
    for rate in rates:
        for group in optimizer.param_groups:
            group["lr"] = rate
        x, y = to_tensors(data, torch.randint(len(data), (batch,), generator=shuffle), device)
        loss = cross_entropy(model(x if augment is None else augment(x)), y)
        losses.append(loss.item())
        if not isfinite(losses[-1]) or losses[-1] > RISEN * RISEN * min(losses):
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return suggest_rate(rates, losses)
