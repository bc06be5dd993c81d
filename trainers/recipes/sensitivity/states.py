"""States of a training, each with what a step at any other rate would have done: the columns of the phase diagrams."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ....plugins.torch import Sensitivity, sensitivity
from ....plugins.torch.temperature.sensitivity_analysis import RATES
from ...datasets.labelled import Split
from ...loop import cross_entropy, tensors, train
from ..schedules.nets import net
from ..schedules.runs import Run
from ..schedules.schedules import UNTUNED, Course, schedule, sgd


@dataclass(frozen=True)
class Tried:
    """One rate at one state.

    Args:
        at: epochs done, with fraction.
        used: the rate that the training was at.
        rate: that was tried.
        distances: D of each site, from the first to the last with spaces between.
    """

    at: float = 0.0
    used: float = 0.0
    rate: float = 0.0
    distances: str = ""


@dataclass(frozen=True)
class StateRow(Tried, Run):
    """One rate at one state of a run."""


@dataclass(frozen=True)
class State:
    """A column of a phase diagram.

    Args:
        at: epochs done, with fraction.
        used: the rate that the training was at.
        found: distances by rate and site.
    """

    at: float
    used: float
    found: Sensitivity


def rows_of(run: Run, states: list[State]) -> list[StateRow]:
    """One row for each rate at each state."""
    return [StateRow(**asdict(run), **asdict(each)) for each in tried(states)]


def tried(states: list[State]) -> list[Tried]:
    """Each rate at each state."""
    return [
        Tried(state.at, state.used, float(rate), " ".join(f"{D:.4f}" for D in distances))
        for state in states
        for rate, distances in zip(state.found.rates, state.found.distances, strict=True)
    ]


def states_of(rows: Sequence[Tried]) -> list[State]:
    """The states again; sites are named by their places.

    >>> run = Run("f1", "step-decay", 10, 85, 2)
    >>> found = Sensitivity(np.array([0.1, 1.0]), ("0",), np.array([[0.25], [0.5]]))
    >>> [state.found.mean.tolist() for state in states_of(rows_of(run, [State(0.5, 0.1, found)]))]
    [[0.25, 0.5]]
    """
    groups: dict[tuple[float, float], list[Tried]] = {}
    for row in rows:
        groups.setdefault((row.at, row.used), []).append(row)
    found = []
    for (at, used), group in groups.items():
        distances = np.array([[float(part) for part in row.distances.split()] for row in group])
        names = tuple(str(place) for place in range(distances.shape[1]))
        found.append(State(at, used, Sensitivity(np.array([row.rate for row in group]), names, distances)))
    return found


def trained(
    run: Run,
    data: Split,
    *,
    batch: int,
    rate: float,
    columns: int,
    device: str = "cpu",
    quick: bool = False,
    told: Callable[[int], None] = lambda _: None,
) -> list[State]:
    """Train it, and look at its states as `looked_at` does.

    Args:
        run: what and how.
        data: on what.
        batch: samples in a step.
        rate: of the range test, where the schedule wants one.
        columns: states to look at after the one before training.
        device: where to train.
        quick: images come as they are.
        told: called with 1 after each epoch.
    """
    known = net(run.net)
    generator = torch.Generator().manual_seed(run.seed)
    model = known.first(data, run.seed).to(device)
    optimizer = sgd(model, rate or UNTUNED)
    course = Course(run.epochs * -(-len(data.train) // batch), rate, run.gamma, run.start)
    return looked_at(
        model,
        data,
        optimizer=optimizer,
        scheduled=schedule(run.schedule).made(optimizer, model, course),
        called=known.trained(model, generator, quick=quick),
        epochs=run.epochs,
        batch=batch,
        columns=columns,
        shuffle=generator,
        told=told,
    )


def looked_at(
    model: nn.Module,
    data: Split,
    *,
    optimizer: Optimizer,
    scheduled: LRScheduler,
    epochs: int,
    batch: int,
    columns: int,
    shuffle: torch.Generator,
    called: nn.Module | None = None,
    told: Callable[[int], None] = lambda _: None,
) -> list[State]:
    """Train, and look at the state before, after the first step and then at even distances.

    Args:
        model: the network.
        data: on what.
        optimizer: of its parameters.
        scheduled: of the optimizer, told of each step.
        epochs: passes over the data.
        batch: samples in a step, and in the batch that is looked at, always the same,
            at even distances in the training part.
        columns: states to look at after the one before training.
        shuffle: draws each epoch's order.
        called: what the loop calls, if not the network itself.
        told: called with 1 after each epoch.
    """
    steps = -(-len(data.train) // batch)
    spread = torch.arange(batch) * len(data.train) // batch
    x, y = tensors(data.train, spread, next(model.parameters()).device)
    wanted = {1, *np.linspace(0, epochs * steps, columns + 1).round().astype(int).tolist()}
    states: list[State] = []
    done = 0

    def look() -> None:
        if done in wanted:
            model.train()
            used = max(float(group["lr"]) for group in optimizer.param_groups)
            found = sensitivity(model, optimizer, x, rates=RATES, loss=lambda: cross_entropy(model(x), y))
            states.append(State(done / steps, used, found))

    def stepped() -> None:
        nonlocal done
        scheduled.step()
        done += 1
        look()

    look()
    for _ in train(
        called or model, data, optimizer=optimizer, epochs=epochs, batch=batch, shuffle=shuffle, stepped=stepped
    ):
        told(1)
    return states
