"""Trains one network under one schedule and measures how many patterns its steps change."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from math import nan
from statistics import fmean

import numpy as np
import torch

from ....plugins.torch import ActCooLR, Diverged, Thermometer
from ....plugins.torch.temperature.thermometer import Reading
from ...datasets.labelled import Split
from ...loop import Epoch, accuracy, train
from .nets import build_net, make_augmentation
from .range_test import run_range_test
from .runs import EpochRow, Run, StepRow
from .schedules import UNTUNED, make_schedule, sgd

POINTS = 100
"""Largest number of step rows of a run."""


def find_rate(name: str, seed: int, data: Split, *, batch: int, quick: bool = False) -> float:
    """Return the rate that a range test suggests for a network with the weights of this seed."""
    generator = torch.Generator().manual_seed(seed)
    model = build_net(name, data, seed)
    augment = make_augmentation(name, generator, quick=quick)
    return run_range_test(model, sgd(model, UNTUNED), data.train, batch=batch, shuffle=generator, augment=augment)


def train_run(
    run: Run,
    data: Split,
    *,
    batch: int,
    found: float,
    device: str = "cpu",
    quick: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[list[EpochRow], list[StepRow]]:
    """Train a run; if it diverges, the last row is that of the unfinished epoch, with nan as loss.

    Args:
        run: settings of the training.
        data: training and validation set.
        batch: samples per step.
        found: rate of the range test; 0 if the schedule needs none.
        device: torch device to train on.
        quick: whether to train without augmentation.
        advance: called with 1 after each epoch.

    Returns:
        The rows of the epochs and of the measured steps.
    """
    generator = torch.Generator().manual_seed(run.seed)
    model = build_net(run.net, data, run.seed).to(device)
    steps = -(-len(data.train) // batch)
    optimizer = sgd(model, found or UNTUNED)
    schedule = make_schedule(
        run.schedule, optimizer, model, steps=run.epochs * steps, rate=found, gamma=run.gamma, start=run.start
    )
    meter = schedule if isinstance(schedule, ActCooLR) else Thermometer(model, optimizer, every=min(8, steps))
    epochs: list[Epoch] = []
    try:
        for epoch in train(
            model,
            data,
            optimizer=optimizer,
            epochs=run.epochs,
            batch=batch,
            shuffle=generator,
            augment=make_augmentation(run.net, generator, quick=quick),
            after_step=schedule.step,
        ):
            epochs.append(epoch)
            advance(1)
    except Diverged:
        advance(run.epochs - len(epochs))
        epochs.append(Epoch(len(epochs), nan, 0.0, nan, accuracy(model, data.val, batch=batch)))
    meter.detach()
    readings = meter.history
    rows = [_epoch_row(run, epoch, readings, steps=steps, found=found) for epoch in epochs]
    return rows, average_steps(run, readings, steps=steps)


def average_steps(run: Run, readings: Sequence[Reading], *, steps: int) -> list[StepRow]:
    """Average the readings of a run in at most a hundred groups of equal size.

    Args:
        run: the run.
        readings: readings of its measured steps.
        steps: number of steps in an epoch.
    """
    groups = np.array_split(np.arange(len(readings)), min(POINTS, len(readings))) if readings else []
    return [
        StepRow(
            **asdict(run),
            at=_mean(readings[index].step / steps for index in group),
            rate=_mean(readings[index].rate for index in group),
            distance=_mean(readings[index].distance for index in group),
            wanted=_mean(readings[index].wanted for index in group),
        )
        for group in groups
    ]


def _epoch_row(run: Run, epoch: Epoch, readings: Sequence[Reading], *, steps: int, found: float) -> EpochRow:
    each = [reading for reading in readings if reading.step // steps == epoch.number]
    sites = each[0].sites if each else {}
    return EpochRow(
        **asdict(run),
        epoch=epoch.number,
        found=found,
        rate=_mean(reading.rate for reading in each),
        distance=_mean(reading.distance for reading in each),
        wanted=_mean(reading.wanted for reading in each),
        off=_mean(abs(reading.distance - reading.wanted) for reading in each),
        fits=each[-1].fits if each else 0,
        loss=epoch.loss,
        train_accuracy=epoch.train_accuracy,
        val_accuracy=epoch.val_accuracy,
        distances=" ".join(f"{_mean(reading.sites[site] for reading in each):.4f}" for site in sites),
    )


def _mean(numbers: Iterable[float]) -> float:
    """Return the mean, nan if there are no numbers."""
    each = [*numbers]
    return fmean(each) if each else nan
