"""Trains one network under one schedule, measuring what its steps do to the patterns."""

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
from .nets import net
from .range_test import range_test
from .runs import EpochRow, Run, StepRow
from .schedules import UNTUNED, Course, schedule, sgd

POINTS = 100
"""Into so many parts the measured steps of a run are taken together."""


def found_rate(name: str, seed: int, data: Split, *, batch: int, quick: bool = False) -> float:
    """The rate that a range test tells for a network's weights of this seed."""
    known = net(name)
    generator = torch.Generator().manual_seed(seed)
    model = known.first(data, seed)
    called = known.trained(model, generator, quick=quick)
    return range_test(called, sgd(model, UNTUNED), data.train, batch=batch, shuffle=generator)


def trained(
    run: Run,
    data: Split,
    *,
    batch: int,
    found: float,
    device: str = "cpu",
    quick: bool = False,
    told: Callable[[int], None] = lambda _: None,
) -> tuple[list[EpochRow], list[StepRow]]:
    """Train it; of a run that diverges the last row is of the epoch that it did not end, without a loss.

    Args:
        run: what and how.
        data: on what.
        batch: samples in a step.
        found: the rate of the range test, where the schedule wants one.
        device: where to train.
        quick: images come as they are.
        told: called with 1 after each epoch.
    """
    known = net(run.net)
    generator = torch.Generator().manual_seed(run.seed)
    model = known.first(data, run.seed).to(device)
    steps = -(-len(data.train) // batch)
    optimizer = sgd(model, found or UNTUNED)
    course = Course(run.epochs * steps, found, run.gamma, run.start)
    scheduled = schedule(run.schedule).made(optimizer, model, course)
    meter = scheduled if isinstance(scheduled, ActCooLR) else Thermometer(model, optimizer, every=min(8, steps))
    epochs: list[Epoch] = []
    try:
        for epoch in train(
            known.trained(model, generator, quick=quick),
            data,
            optimizer=optimizer,
            epochs=run.epochs,
            batch=batch,
            shuffle=generator,
            stepped=scheduled.step,
        ):
            epochs.append(epoch)
            told(1)
    except Diverged:
        told(run.epochs - len(epochs))
        epochs.append(Epoch(len(epochs), nan, 0.0, nan, accuracy(model, data.val, batch=batch)))
    meter.detach()
    readings = meter.history
    rows = [_epoch_row(run, epoch, readings, steps=steps, found=found) for epoch in epochs]
    return rows, step_rows(run, readings, steps=steps)


def step_rows(run: Run, readings: Sequence[Reading], *, steps: int) -> list[StepRow]:
    """The readings in at most a hundred parts of equal size, each by its means.

    Args:
        run: whose.
        readings: of its measured steps.
        steps: of an epoch.
    """
    parts = np.array_split(np.arange(len(readings)), min(POINTS, len(readings))) if readings else []
    return [
        StepRow(
            **asdict(run),
            at=_mean(readings[place].step / steps for place in part),
            rate=_mean(readings[place].rate for place in part),
            distance=_mean(readings[place].distance for place in part),
            wanted=_mean(readings[place].wanted for place in part),
        )
        for part in parts
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
    """Their mean; nan of none."""
    each = [*numbers]
    return fmean(each) if each else nan
