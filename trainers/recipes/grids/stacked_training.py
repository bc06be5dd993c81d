"""Full-batch training of a stack of nets as in the MOONS runs: Adam, binary cross-entropy, a penalty per net."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ...datasets.labelled import Labelled, Split
from ...nets.stacked_nets import StackedNets
from ..methods import Method, dropout_rate
from .fused_penalty import STACK_AXES, Formula, make_formula, penalty

ADAM_EPS = 1e-7  # Keras' default


Accuracies = NDArray[np.float32]


def accuracy(logits: Tensor, y: Tensor) -> Tensor:
    """Return the share of correctly classified samples (net,) from logits (net, sample) and y (sample,), 0 or 1."""
    return ((logits > 0) == (y > 0.5)).float().mean(1)


def compute_loss(
    nets: StackedNets, x: Tensor, y: Tensor, *, formula: Formula | None, strength: float, rate: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Return cross-entropy plus strength times penalty, summed over nets, and the logits (net, sample)."""
    logits, z = nets(x, partial(F.dropout, p=rate) if rate else None)
    loss = F.binary_cross_entropy_with_logits(logits, y.expand_as(logits), reduction="none").mean(1).sum()
    if formula is not None:
        loss = loss + strength * penalty(z, formula)
    return loss, logits


def train_stack(
    nets: StackedNets,
    data: Split,
    *,
    method: Method,
    strength: float = 1e-4,
    epochs: int = 5000,
    learning_rate: float = 0.01,
    compiled: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[Accuracies, Accuracies]:
    """Train in place on the full batch; return the accuracies of every epoch in training and in validation.

    The training accuracy is that of the forward the step is computed from, with dropout and batch statistics, as logged
    by Keras; the validation accuracy is measured after the step.

    Args:
        nets: the stack.
        data: points and classes 0 or 1.
        method: defines the penalty; its strength, if it has one, overrides `strength`.
        strength: lambda.
        epochs: number of steps.
        learning_rate: learning rate of Adam.
        compiled: whether to fuse the penalty by `torch.compile`; needs a C++ compiler and half a minute.
        advance: called after every epoch, with its number.

    Returns:
        Accuracies (epoch, net) in training and in validation.
    """
    device = nets.bias.device
    x, y = to_tensors(data.train, device)
    val_x, val_y = to_tensors(data.val, device)
    strength = strength if method.strength is None else method.strength
    formula = make_formula(method, STACK_AXES, compiled=compiled)
    optimizer = torch.optim.Adam(nets.parameters(), lr=learning_rate, eps=ADAM_EPS, fused=True)
    train, val = (torch.zeros(epochs, len(nets.stack.depths), device=device) for _ in range(2))
    for epoch in range(epochs):
        rate = dropout_rate(epoch, epochs) if method.zero else 0.0
        nets.train()
        loss, logits = compute_loss(nets, x, y, formula=formula, strength=strength, rate=rate)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        nets.eval()
        with torch.no_grad():
            train[epoch] = accuracy(logits, y)
            val[epoch] = accuracy(nets(val_x)[0], val_y)
        advance(epoch)
    return train.cpu().numpy(), val.cpu().numpy()


def summarize_net(accuracies: Accuracies) -> tuple[float, int, float]:
    """Return best accuracy, its first epoch and last accuracy from the accuracies of one net (epoch,).

    >>> summarize_net(np.array([0.25, 0.75, 0.75, 0.5], np.float32))
    (0.75, 1, 0.5)
    """
    best = int(accuracies.argmax())
    return accuracies[best].item(), best, accuracies[-1].item()


def to_tensors(samples: Labelled, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return points and classes as float tensors on a device."""
    return torch.from_numpy(samples.x).to(device), torch.from_numpy(samples.y).to(device, torch.float32)
