"""Trains the nets of the PSB figures once and keeps their weights in the recipe's folder."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from ....analyzer.atomic_write import write_atomically
from ...augmentation import shift_and_mirror
from ...datasets.labelled import Split
from ...loop import train

BATCH, LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 128, 0.2, 0.9, 5e-4


def train_once(
    build: Callable[[], nn.Module],
    data: Split,
    weights: Path,
    *,
    epochs: int,
    seed: int,
    advance: Callable[[int], None],
    prepare: Callable[[nn.Module], nn.Module] = lambda net: net,
    augmented: bool = True,
    learning_rate: float = LEARNING_RATE,
) -> nn.Module:
    """Load the weights of a net, or train it and save them if the file does not exist.

    SGD with Nesterov momentum under one cycle of learning rates (Smith), from a 25th of the maximum up to it and down
    to 0, in batches of 128.

    Args:
        build: builds the net with weights from torch's global generator.
        data: training and validation set.
        weights: file of the weights, written atomically after the training.
        epochs: passes over the training set.
        seed: seed of weights, order, shifts and mirroring.
        advance: called with 1 after each epoch.
        prepare: converts the built net to the one that is trained.
        augmented: whether training images are shifted and mirrored.
        learning_rate: maximum of the cycle.

    Returns:
        The trained net, in evaluation mode.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = prepare(build())
    if weights.exists():
        net.load_state_dict(torch.load(weights, weights_only=True))
        advance(epochs)
        return net.eval()
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(
        net.parameters(), lr=learning_rate, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
    )
    steps = epochs * -(-len(data.train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    for _ in train(
        net,
        data,
        optimizer=optimizer,
        epochs=epochs,
        batch=BATCH,
        shuffle=generator,
        augment=partial(shift_and_mirror, generator=generator) if augmented else None,
        after_step=schedule.step,
    ):
        advance(1)
    weights.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(weights) as part:
        torch.save(net.state_dict(), part)
    return net.eval()
