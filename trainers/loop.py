"""One plain PyTorch training loop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .datasets.labelled import Labelled, Split


@dataclass(frozen=True)
class Epoch:
    """Results of one pass over the data: loss and penalty as means over the steps, accuracies on both parts."""

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
    augment: Callable[[Tensor], Tensor] | None = None,
    after_step: Callable[[], None] = lambda: None,
) -> Iterator[Epoch]:
    """Train in place and yield the results of each epoch; an epoch runs when the iterator is advanced.

    The training accuracy is that of the forwards that the steps are computed from, the validation accuracy that after
    the epoch.

    Args:
        model: maps samples to logits (sample, class), or (sample, 1) for two classes; training runs on its device.
        data: training and validation set.
        optimizer: optimizer of the model's parameters.
        epochs: number of passes over the training set.
        batch: samples per step; the last step of an epoch may have fewer.
        penalty: returns a term that is added to the loss, called after each forward: `Separation(model).penalty`.
        shuffle: generator of each epoch's order; None keeps the order of the data, as in the published Keras runs.
        augment: applied to the samples of each training step.
        after_step: called after every step.

    Yields:
        The results of each epoch.
    """
    device = next(model.parameters()).device
    for number in range(epochs):
        model.train()
        losses = penalties = right = torch.zeros((), device=device)
        order = torch.arange(len(data.train)) if shuffle is None else torch.randperm(len(data.train), generator=shuffle)
        steps = order.split(batch)
        for rows in steps:
            x, y = to_tensors(data.train, rows, device)
            logits = model(x if augment is None else augment(x))
            loss = cross_entropy(logits, y)
            extra = torch.zeros_like(loss) if penalty is None else penalty()
            optimizer.zero_grad()
            (loss + extra).backward()
            optimizer.step()
            losses, penalties = losses + loss.detach(), penalties + extra.detach()
            right = right + count_correct(logits, y)
            after_step()
        yield Epoch(
            number,
            losses.item() / len(steps),
            penalties.item() / len(steps),
            right.item() / len(data.train),
            accuracy(model, data.val, batch=batch),
        )


def accuracy(model: nn.Module, samples: Labelled, *, batch: int) -> float:
    """Return the share of samples that the model classifies correctly, in evaluation mode; the model is left unchanged.

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
        parts = (to_tensors(samples, rows, device) for rows in torch.arange(len(samples)).split(batch))
        right = sum(count_correct(model(x), y).item() for x, y in parts)
    model.train(training)
    return right / len(samples)


def to_tensors(samples: Labelled, rows: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the samples with these indices and their classes as tensors on a device."""
    return torch.from_numpy(samples.x[rows.numpy()]).to(device), torch.from_numpy(samples.y[rows.numpy()]).to(device)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Return the mean cross-entropy; a single logit is that of class 1 of two."""
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], y.to(logits.dtype))
    return F.cross_entropy(logits, y)


def count_correct(logits: Tensor, y: Tensor) -> Tensor:
    """Count the samples whose class is predicted."""
    predicted = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)
    return (predicted == y).sum()
