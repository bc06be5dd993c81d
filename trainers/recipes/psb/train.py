"""Trains the nets of the PSB figures on CIFAR once; their weights stay in the recipe's folder."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ....analyzer.atomic_write import write_atomically
from ...datasets.labelled import Split
from ...loop import train

BATCH, LEARNING_RATE, MOMENTUM, WEIGHT_DECAY, SHIFT = 128, 0.2, 0.9, 5e-4, 4


class Augmented(nn.Module):
    """A net that while training sees each image shifted by up to four pixels and, half of the time, mirrored.

    Args:
        net: the net.
        generator: draws shifts and sides.
    """

    def __init__(self, net: nn.Module, generator: torch.Generator) -> None:
        super().__init__()
        self.net = net
        self._generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """Images (sample, channel, row, column) to logits (sample, class)."""
        logits: Tensor = self.net(moved(x, generator=self._generator) if self.training else x)
        return logits


def moved(x: Tensor, *, generator: torch.Generator) -> Tensor:
    """Each image shifted by up to four pixels, zeros coming in, and mirrored half of the time.

    >>> moved(torch.ones(5, 3, 32, 32), generator=torch.Generator().manual_seed(0)).shape
    torch.Size([5, 3, 32, 32])
    """
    count, _, height, width = x.shape
    down, right = torch.randint(0, 2 * SHIFT + 1, (2, count, 1), generator=generator)
    rows, columns = down + torch.arange(height), right + torch.arange(width)
    mirrored = torch.randint(0, 2, (count, 1), generator=generator) == 1
    columns = torch.where(mirrored, columns.flip(1), columns)
    padded = F.pad(x, (SHIFT, SHIFT, SHIFT, SHIFT)).permute(0, 2, 3, 1)
    found = padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return found.permute(0, 3, 1, 2)


def trained(
    build: Callable[[], nn.Module],
    data: Split,
    weights: Path,
    *,
    epochs: int,
    seed: int,
    told: Callable[[int], None],
    prepare: Callable[[nn.Module], nn.Module] = lambda net: net,
    augmented: bool = True,
    learning_rate: float = LEARNING_RATE,
) -> nn.Module:
    """The net with the weights of that file, trained now if there is no such file; in evaluation mode.

    SGD with Nesterov momentum under one cycle of learning rates (Smith), from a 25th of the largest up to it and down
    to nothing; batches of 128.

    Args:
        build: makes the net, drawing its first weights from torch's generator.
        data: what to train on and what to judge by.
        weights: file of the weights, written whole when the training is over.
        epochs: passes over the data.
        seed: of first weights, order, shifts and sides.
        told: called with 1 after each epoch.
        prepare: what is done to the net before it trains; gives what is trained, in which the net still is.
        augmented: whether images are shifted and mirrored.
        learning_rate: the largest.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = prepare(build())
    if weights.exists():
        net.load_state_dict(torch.load(weights, weights_only=True))
        told(epochs)
        return net.eval()
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(
        net.parameters(), lr=learning_rate, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
    )
    steps = epochs * -(-len(data.train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    for _ in train(
        Augmented(net, generator) if augmented else net,
        data,
        optimizer=optimizer,
        epochs=epochs,
        batch=BATCH,
        shuffle=generator,
        stepped=schedule.step,
    ):
        told(1)
    weights.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(weights) as part:
        torch.save(net.state_dict(), part)
    return net.eval()
