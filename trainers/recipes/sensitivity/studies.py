"""H Fig 3.16 to 3.18, 3.20, 3.21: what momentum, weight decay, depth, width and shortcuts do to the sensitivity."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import Parameter
from torch.optim import SGD, Optimizer

from ....plugins.torch.temperature.transition import LOG_NORMAL
from ...datasets.labelled import Split
from ...nets.rectangular import dense
from ..rng import cell_generator
from ..schedules.runs import append_rows, read_rows
from ..schedules.schedules import Course, schedule
from .fits import Fitted, write_fits
from .maps import draw_maps
from .states import State, Tried, looked_at, states_of, tried


class SGDW(SGD):
    """w <- (1 - lambda) w - rate v, where v is what SGD would step by.

    The thesis prints (1 - lambda) w for what is taken away, (2.5), which would leave almost nothing. Its decay does not
    depend on the rate, other than that of `torch.optim.AdamW`; so at smaller rates there is more of it for each step.

    Args:
        parameters: as of `torch.optim.SGD`.
        decay: lambda, from 0 to 1.
        options: those of `torch.optim.SGD`.

    >>> weight = Parameter(torch.ones(1))
    >>> weight.sum().backward()
    >>> SGDW([weight], decay=0.5, lr=0.1).step()
    >>> round(weight.item(), 6)
    0.4
    """

    def __init__(self, parameters: Iterable[Parameter], *, decay: float, **options: Any) -> None:
        super().__init__(parameters, **options)
        self.decay = decay

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Decay, then step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - self.decay)
        super().step()
        return loss


RATE = 0.1
"""The first rate of all of them, so that what differs is not the rate."""


@dataclass(frozen=True)
class Case:
    """One training of a study: a dense net on MNIST, plain SGD but for what is said, step decay.

    Args:
        name: in pictures and the csv file.
        width: units of a hidden layer.
        depth: hidden layers.
        batch_norm: whether one stands before each ReLU.
        skip: every how many ReLUs there is a shortcut; 0 for never.
        momentum: of SGD.
        coupled: lambda of w <- w - rate lambda w, the l2 of the thesis.
        decoupled: lambda of w <- (1 - lambda) w, its sgdw.
    """

    name: str
    width: int = 128
    depth: int = 5
    batch_norm: bool = True
    skip: int = 0
    momentum: float = 0.0
    coupled: float = 0.0
    decoupled: float = 0.0

    def net(self, inputs: int, seed: int) -> nn.Module:
        """Before training."""
        with cell_generator(seed, self.width, self.depth) as generator:
            layers = dense(
                inputs,
                self.width,
                self.depth,
                10,
                init="kaiming",
                batch_norm=self.batch_norm,
                skip=self.skip,
                generator=generator,
            )
        return nn.Sequential(nn.Flatten(), layers)

    def optimizer(self, model: nn.Module) -> Optimizer:
        """What trains it."""
        if self.decoupled:
            return SGDW(model.parameters(), decay=self.decoupled, lr=RATE, momentum=self.momentum)
        return SGD(model.parameters(), lr=RATE, momentum=self.momentum, weight_decay=self.coupled)


STUDIES: dict[str, tuple[Case, ...]] = {
    "momentum": tuple(Case(f"momentum {beta:g}", momentum=beta) for beta in (0.0, 0.5, 0.9, 0.98)),
    "weight-decay": (
        Case("none"),
        Case("l2 0.01", coupled=1e-2),
        Case("sgdw 0.001", decoupled=1e-3),
        Case("l2 0.1", coupled=1e-1),
        Case("sgdw 0.01", decoupled=1e-2),
    ),
    "depth": tuple(Case(f"depth {depth}, no batch norm", depth=depth, batch_norm=False) for depth in (2, 5, 10)),
    "width": tuple(Case(f"width {width}", width=width) for width in (32, 128, 512)),
    "residual": (Case("no shortcuts", depth=16), Case("shortcuts", depth=16, skip=2)),
}
"""At a rate of 0.1 l2's lambda of 0.01 takes away what sgdw's of 0.001 does; they part when the rate is cut."""


@dataclass(frozen=True)
class StudyKey:
    """Of which training a row is.

    Args:
        study: name of the study.
        case: name of the case.
        seed: of first weights and order.
        samples: trained on.
        epochs: asked for.
    """

    study: str
    case: str
    seed: int
    samples: int
    epochs: int


@dataclass(frozen=True)
class StudyRow(Tried, StudyKey):
    """One rate at one state of a study's training."""


def made(
    study: str,
    data: Split,
    *,
    out: Path,
    seed: int,
    epochs: int,
    batch: int,
    columns: int,
    device: str = "cpu",
    told: Callable[[int], None] = lambda _: None,
) -> list[str]:
    """Train and look at what is missing of a study in studies.csv, fit, draw it, and say what mu and sigma are.

    Args:
        study: one of `STUDIES`.
        data: MNIST.
        out: folder of the files.
        seed: of first weights and order.
        epochs: passes over the data.
        batch: samples in a step.
        columns: states to look at after the one before training.
        device: where to train.
        told: called with 1 after each epoch.
    """
    numbers = out / "studies.csv"
    found: dict[StudyKey, list[Fitted]] = {}
    for case in STUDIES[study]:
        key = StudyKey(study, case.name, seed, len(data.train), epochs)
        rows = [row for row in read_rows(numbers, StudyRow) if _key(row) == key]
        if rows:
            told(epochs)
        else:
            states = trained(
                case, data, seed=seed, epochs=epochs, batch=batch, columns=columns, device=device, told=told
            )
            append_rows(numbers, [StudyRow(**asdict(key), **asdict(each)) for each in tried(states)], StudyRow)
            rows = [row for row in read_rows(numbers, StudyRow) if _key(row) == key]
        found[key] = [Fitted.of(state) for state in states_of(rows)]
    write_fits(out / f"study_{study}.csv", found)
    draw_maps({key.case: states for key, states in found.items()}, out / f"study_{study}.png", title=study)
    return [
        f"{study:<34}"
        + "".join(f"{moment:>12}" for moment in ("before", "first step", "at the cut", "behind it", "end")),
        *(line for key, states in found.items() for line in _told(key.case, states)),
    ]


def trained(
    case: Case,
    data: Split,
    *,
    seed: int,
    epochs: int,
    batch: int,
    columns: int,
    device: str = "cpu",
    told: Callable[[int], None] = lambda _: None,
) -> list[State]:
    """Train one case and look at it; for the arguments see `made`."""
    model = case.net(int(np.prod(data.train.x.shape[1:])), seed).to(device)
    optimizer = case.optimizer(model)
    steps = epochs * -(-len(data.train) // batch)
    return looked_at(
        model,
        data,
        optimizer=optimizer,
        scheduled=schedule("step-decay").made(optimizer, model, Course(steps, RATE)),
        epochs=epochs,
        batch=batch,
        columns=columns,
        shuffle=torch.Generator().manual_seed(seed),
        told=told,
    )


def moments(states: Sequence[Fitted]) -> list[Fitted]:
    """The states before training, after the first step, before and after the first cut of the rate, at the end."""
    cut = next(place for place, each in enumerate(states) if each.state.used < states[0].state.used)
    return [states[0], states[1], states[cut - 1], states[cut], states[-1]]


def _told(name: str, states: Sequence[Fitted]) -> list[str]:
    fits = [each.fits[LOG_NORMAL.name] for each in moments(states)]
    return [
        f"{name + ', mu':<34}" + "".join(f"{fit.place:>12.2f}" for fit in fits),
        f"{name + ', sigma':<34}" + "".join(f"{fit.shape:>12.2f}" for fit in fits),
    ]


def _key(row: StudyKey) -> StudyKey:
    return StudyKey(row.study, row.case, row.seed, row.samples, row.epochs)
