"""One plain PyTorch training loop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .datasets.labelled import Labelled, Split


@dataclass(frozen=True)
class Epoch:
    """What one pass over the data gave: means over batches while training, accuracies of both parts."""

    number: int
    loss: float
    penalty: float
    train_accuracy: float
    val_accuracy: float


def train(
    model: nn.Module,
    data: Split,
    *,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    batch: int,
    penalty: Callable[[], Tensor] | None = None,
    shuffle: torch.Generator | None = None,
    stepped: Callable[[], None] = lambda: None,
) -> Iterator[Epoch]:
    """Train in place, one epoch each time the iterator is asked for one.

    The accuracy in training is counted in the forward each step is taken from, that in validation after the epoch.

    Args:
        model: samples to logits (sample, class), or (sample, 1) for two classes; its device is where all happens.
        data: what to train on and what to judge by.
        optimizer: of the model's parameters.
        epochs: passes over the data.
        batch: samples in a step; the last step of an epoch takes what is left.
        penalty: what is added to the loss, asked for after each forward: `Separation(model).penalty`.
        shuffle: draws each epoch's order; without it the samples come in theirs, as in the published Keras runs.
        stepped: called after every step.
    """
    device = next(model.parameters()).device
    for number in range(epochs):
        model.train()
        losses = penalties = right = torch.zeros((), device=device)
        order = torch.arange(len(data.train)) if shuffle is None else torch.randperm(len(data.train), generator=shuffle)
        steps = order.split(batch)
        for rows in steps:
            x, y = tensors(data.train, rows, device)
            logits = model(x)
            loss = cross_entropy(logits, y)
            extra = torch.zeros_like(loss) if penalty is None else penalty()
            optimizer.zero_grad()
            (loss + extra).backward()
            optimizer.step()
            losses, penalties = losses + loss.detach(), penalties + extra.detach()
            right = right + correct(logits, y)
            stepped()
        yield Epoch(
            number,
            losses.item() / len(steps),
            penalties.item() / len(steps),
            right.item() / len(data.train),
            accuracy(model, data.val, batch=batch),
        )


def accuracy(model: nn.Module, samples: Labelled, *, batch: int) -> float:
    """Share of samples whose class the model names, in evaluation mode; nothing of the model changes.

    >>> import numpy as np
    >>> two = Labelled(np.array([[-1.0], [2.0]], np.float32), np.array([0, 1]))
    >>> model = nn.Linear(1, 1)
    >>> model.load_state_dict({"weight": torch.ones(1, 1), "bias": torch.zeros(1)})
    <All keys matched successfully>
    >>> accuracy(model, two, batch=2)
    1.0
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    with torch.no_grad():
        parts = (tensors(samples, rows, device) for rows in torch.arange(len(samples)).split(batch))
        right = sum(correct(model(x), y).item() for x, y in parts)
    model.train(training)
    return right / len(samples)


def tensors(samples: Labelled, rows: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Those samples and their classes as tensors on a device."""
    return torch.from_numpy(samples.x[rows.numpy()]).to(device), torch.from_numpy(samples.y[rows.numpy()]).to(device)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy; one logit is that of class 1 of two."""
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], y.to(logits.dtype))
    return F.cross_entropy(logits, y)


def correct(logits: Tensor, y: Tensor) -> Tensor:
    """How many logits name the class."""
    guess = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)
    return (guess == y).sum()
