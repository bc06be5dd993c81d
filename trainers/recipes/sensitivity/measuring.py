"""Trains a network and measures its sensitivity to the learning rate at states along the training."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ....plugins.torch import sensitivity
from ....plugins.torch.temperature.sensitivity_analysis import RATES
from ...datasets.labelled import Split
from ...loop import cross_entropy, to_tensors, train
from ..schedules.nets import build_net, make_augmentation
from ..schedules.runs import Run
from ..schedules.schedules import UNTUNED, make_schedule, sgd
from .states import TrainingState


def measure_run(
    run: Run,
    data: Split,
    *,
    batch: int,
    rate: float,
    count: int,
    device: str = "cpu",
    quick: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> list[TrainingState]:
    """Train a run under its schedule and return its measured states, see `measure_training`.

    Args:
        run: settings of the training.
        data: training and validation set.
        batch: samples per step.
        rate: rate of the range test; 0 if the schedule needs none.
        count: number of states after the one before training.
        device: torch device to train on.
        quick: whether to train without augmentation.
        advance: called with 1 after each epoch.
    """
    generator = torch.Generator().manual_seed(run.seed)
    model = build_net(run.net, data, run.seed).to(device)
    optimizer = sgd(model, rate or UNTUNED)
    steps = run.epochs * -(-len(data.train) // batch)
    return measure_training(
        model,
        data,
        optimizer=optimizer,
        schedule=make_schedule(
            run.schedule, optimizer, model, steps=steps, rate=rate, gamma=run.gamma, start=run.start
        ),
        epochs=run.epochs,
        batch=batch,
        count=count,
        shuffle=generator,
        augment=make_augmentation(run.net, generator, quick=quick),
        advance=advance,
    )


def measure_training(
    model: nn.Module,
    data: Split,
    *,
    optimizer: Optimizer,
    schedule: LRScheduler,
    epochs: int,
    batch: int,
    count: int,
    shuffle: torch.Generator,
    augment: Callable[[Tensor], Tensor] | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> list[TrainingState]:
    """Train, and measure the states before training, after the first step, and then at equal distances.

    Args:
        model: the network.
        data: training and validation set.
        optimizer: optimizer of its parameters.
        schedule: schedule of the optimizer, stepped after each step.
        epochs: passes over the training set.
        batch: samples per step, and in the batch that is measured on: always the same samples, evenly spaced in the
            training set.
        count: number of states after the one before training.
        shuffle: random generator of each epoch's order.
        augment: applied to the samples of each training step.
        advance: called with 1 after each epoch.
    """
    steps = -(-len(data.train) // batch)
    rows = torch.arange(batch) * len(data.train) // batch
    x, y = to_tensors(data.train, rows, next(model.parameters()).device)
    measured = {1, *np.linspace(0, epochs * steps, count + 1).round().astype(int).tolist()}
    states: list[TrainingState] = []
    done = 0

    def measure() -> None:
        if done in measured:
            model.train()
            used = max(float(group["lr"]) for group in optimizer.param_groups)
            found = sensitivity(model, optimizer, x, rates=RATES, loss=lambda: cross_entropy(model(x), y))
            states.append(TrainingState(done / steps, used, found))

    def after_step() -> None:
        nonlocal done
        schedule.step()
        done += 1
        measure()

    measure()
    for _ in train(
        model,
        data,
        optimizer=optimizer,
        epochs=epochs,
        batch=batch,
        shuffle=shuffle,
        augment=augment,
        after_step=after_step,
    ):
        advance(1)
    return states
