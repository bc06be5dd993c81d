"""States of a training, each with what a step at any other rate would have done: the columns of the phase diagrams."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch

from ...plugins.torch import Sensitivity, sensitivity
from ...plugins.torch.fitting import Fit
from ...plugins.torch.sensitivity import RATES
from ..datasets.labelled import Split
from ..loop import cross_entropy, tensors, train
from .schedule_nets import net
from .schedule_runs import Run
from .schedules import Course, schedule, sgd


@dataclass(frozen=True)
class StateRow(Run):
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


@dataclass(frozen=True)
class Fitted:
    """A state with the three models fitted to it, by their names."""

    state: State
    fits: Mapping[str, Fit]


def rows_of(run: Run, states: list[State]) -> list[StateRow]:
    """One row for each rate at each state."""
    return [
        StateRow(
            **asdict(run),
            at=state.at,
            used=state.used,
            rate=float(rate),
            distances=" ".join(f"{D:.4f}" for D in distances),
        )
        for state in states
        for rate, distances in zip(state.found.rates, state.found.distances, strict=True)
    ]


def states_of(rows: list[StateRow]) -> list[State]:
    """The states again; sites are named by their places.

    >>> run = Run("f1", "step-decay", 10, 85, 2)
    >>> found = Sensitivity(np.array([0.1, 1.0]), ("0",), np.array([[0.25], [0.5]]))
    >>> [state.found.mean.tolist() for state in states_of(rows_of(run, [State(0.5, 0.1, found)]))]
    [[0.25, 0.5]]
    """
    groups: dict[tuple[float, float], list[StateRow]] = {}
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
    """Train it, and look at the state before, after the first step and then at even distances.

    Args:
        run: what and how; not under ActCooLR, which would take the steps that are tried for its own.
        data: on what.
        batch: samples in a step, and in the batch that is looked at, always the same,
            at even distances in the training part.
        rate: of the range test.
        columns: states to look at after the one before training.
        device: where to train.
        quick: images come as they are.
        told: called with 1 after each epoch.
    """
    known = net(run.net)
    generator = torch.Generator().manual_seed(run.seed)
    model = known.first(data, run.seed).to(device)
    steps = -(-len(data.train) // batch)
    total = run.epochs * steps
    optimizer = sgd(model, rate)
    scheduled = schedule(run.schedule).made(optimizer, model, Course(total, rate, run.gamma, run.start))
    looked_at = torch.arange(batch) * len(data.train) // batch
    x, y = tensors(data.train, looked_at, torch.device(device))
    wanted = {1, *np.linspace(0, total, columns + 1).round().astype(int).tolist()}
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
        known.trained(model, generator, quick=quick),
        data,
        optimizer=optimizer,
        epochs=run.epochs,
        batch=batch,
        shuffle=generator,
        stepped=stepped,
    ):
        told(1)
    return states
