"""Trains a stack of nets on the full batch, as the MOONS runs did: Adam, binary cross-entropy, a penalty per net."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from ...datasets.labelled import Labelled, Split
from ...nets.stacked_nets import StackedNets
from ..methods import Method, annealed
from .squared_deficits import STACK_AXES, Formula, formula_of, penalty

ADAM_EPS = 1e-7  # Keras' default


@dataclass(frozen=True)
class Best:
    """Largest accuracy so far and its epoch, and the last accuracy, each (net,)."""

    best: Tensor
    epoch: Tensor
    last: Tensor

    @classmethod
    def none(cls, nets: int, device: torch.device) -> "Best":
        """Before the first epoch."""
        return cls(
            torch.full((nets,), -1.0, device=device),
            torch.zeros(nets, dtype=torch.long, device=device),
            torch.zeros(nets, device=device),
        )

    def after(self, accuracy: Tensor, epoch: int) -> "Best":
        """With one more epoch; of equal ones the first stays the best."""
        better = accuracy > self.best
        return Best(torch.maximum(self.best, accuracy), torch.where(better, epoch, self.epoch), accuracy)

    def of(self, net: int) -> tuple[float, int, float]:
        """Best accuracy, its epoch and last accuracy of one net."""
        return self.best[net].item(), int(self.epoch[net].item()), self.last[net].item()


def accuracy(logits: Tensor, y: Tensor) -> Tensor:
    """Share of samples on the right side of 0: logits (net, sample), y (sample,) 0 or 1, to (net,)."""
    return ((logits > 0) == (y > 0.5)).float().mean(1)


def loss_of(
    nets: StackedNets, x: Tensor, y: Tensor, *, formula: Formula | None, strength: float, rate: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Cross-entropy plus strength times penalty, summed over nets, which share nothing; and logits (net, sample)."""
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
    told: Callable[[int], None] = lambda _: None,
) -> tuple[Best, Best]:
    """Train in place on all samples at once; accuracies in training and in validation.

    The accuracy in training is that of the forward the step is taken from, dropout and batch statistics included, as
    Keras logs it; that in validation is taken after the step. Where a method has its own strength, it counts.

    Args:
        nets: the stack.
        data: points and classes 0 or 1.
        method: what is penalised.
        strength: lambda.
        epochs: steps.
        learning_rate: Adam's.
        compiled: fuse the penalty by `torch.compile`; takes a C++ compiler and half a minute, and pays in long runs.
        told: called after every epoch.
    """
    device = nets.bias.device
    x, y = tensors(data.train, device)
    val_x, val_y = tensors(data.val, device)
    strength = strength if method.strength is None else method.strength
    formula = formula_of(method, STACK_AXES, compiled=compiled)
    optimizer = torch.optim.Adam(nets.parameters(), lr=learning_rate, eps=ADAM_EPS, fused=True)
    train = val = Best.none(len(nets.stack.depths), device)
    for epoch in range(epochs):
        rate = annealed(epoch, epochs) if method.zero else 0.0
        nets.train()
        loss, logits = loss_of(nets, x, y, formula=formula, strength=strength, rate=rate)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        nets.eval()
        with torch.no_grad():
            train = train.after(accuracy(logits, y), epoch)
            val = val.after(accuracy(nets(val_x)[0], val_y), epoch)
        told(epoch)
    return train, val


def tensors(samples: Labelled, device: torch.device) -> tuple[Tensor, Tensor]:
    """All points and their classes, the latter as numbers 0 and 1, on a device."""
    return torch.from_numpy(samples.x).to(device), torch.from_numpy(samples.y).to(device, torch.float32)
