"""H Fig 3.16 to 3.18, 3.20, 3.21: effect of momentum, weight decay, depth, width and shortcuts on the sensitivity."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
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
from ..results_csv import Columns
from ..rng import cell_generator
from ..schedules.schedules import make_schedule
from .maps import draw_maps
from .measuring import measure_training
from .states import TrainingKey, TrainingState, append_states, read_states, write_fits


class SGDW(SGD):
    """SGD with decoupled weight decay: w <- (1 - lambda) w - rate v, where v is the direction of SGD.

    (2.5) prints (1 - lambda) w as the term that is subtracted, which would leave almost nothing. Unlike in
    `torch.optim.AdamW` the decay does not depend on the rate, so it weighs more at smaller rates.

    Args:
        parameters: as in `torch.optim.SGD`.
        decay: lambda, from 0 to 1.
        options: options of `torch.optim.SGD`.

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
        """Decay the weights, then step."""
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
"""Initial rate of all cases, so that the cases of a study differ in one setting only."""


@dataclass(frozen=True)
class Case:
    """One training of a study: a dense net on MNIST, SGD with step decay.

    Args:
        name: name in pictures and in the csv file.
        width: units of a hidden layer.
        depth: number of hidden layers.
        batch_norm: whether to normalize before each ReLU.
        skip: period of the shortcuts, in ReLUs; 0 for none.
        momentum: momentum of SGD.
        coupled: lambda of w <- w - rate lambda w, the l2 of the thesis.
        decoupled: lambda of w <- (1 - lambda) w, the sgdw of the thesis.
    """

    name: str
    width: int = 128
    depth: int = 5
    batch_norm: bool = True
    skip: int = 0
    momentum: float = 0.0
    coupled: float = 0.0
    decoupled: float = 0.0

    def build_net(self, inputs: int, seed: int) -> nn.Module:
        """Build the untrained net."""
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

    def make_optimizer(self, model: nn.Module) -> Optimizer:
        """Create the optimizer of the case."""
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
"""At a rate of 0.1, l2 with lambda 0.01 decays as sgdw with 0.001 does; they differ after the rate is cut."""


STUDY_COLUMNS: Columns = {"study": str, "case": str, "seed": int, "samples": int, "epochs": int}
"""Columns of the key of a training: study, case, seed of weights and order, training samples, epochs."""


def run_study(
    study: str,
    data: Split,
    *,
    out: Path,
    seed: int,
    epochs: int,
    batch: int,
    count: int,
    device: str = "cpu",
    advance: Callable[[int], None] = lambda _: None,
) -> list[str]:
    """Measure the cases of a study that are missing in studies.csv, fit and draw them, and return mu and sigma as text.

    Args:
        study: one of `STUDIES`.
        data: MNIST.
        out: folder of the files.
        seed: seed of weights and order.
        epochs: passes over the data.
        batch: samples per step.
        count: number of states after the one before training.
        device: torch device to train on.
        advance: called with 1 after each epoch.
    """
    numbers = out / "studies.csv"
    found: dict[TrainingKey, list[TrainingState]] = {}
    for case in STUDIES[study]:
        key = (study, case.name, seed, len(data.train), epochs)
        if key in read_states(numbers, STUDY_COLUMNS):
            advance(epochs)
        else:
            states = measure_case(
                case, data, seed=seed, epochs=epochs, batch=batch, count=count, device=device, advance=advance
            )
            append_states(numbers, STUDY_COLUMNS, key, states)
        found[key] = read_states(numbers, STUDY_COLUMNS)[key]
    write_fits(out / f"study_{study}.csv", STUDY_COLUMNS, found)
    by_case = {case: states for (_, case, *_), states in found.items()}
    draw_maps(by_case, out / f"study_{study}.png", title=study)
    heads = ("before", "first step", "at the cut", "behind it", "end")
    return [
        f"{study:<34}" + "".join(f"{head:>12}" for head in heads),
        *(line for case, states in by_case.items() for line in _format_moments(case, states)),
    ]


def measure_case(
    case: Case,
    data: Split,
    *,
    seed: int,
    epochs: int,
    batch: int,
    count: int,
    device: str = "cpu",
    advance: Callable[[int], None] = lambda _: None,
) -> list[TrainingState]:
    """Train one case and measure its states; for the arguments see `run_study`."""
    model = case.build_net(int(np.prod(data.train.x.shape[1:])), seed).to(device)
    optimizer = case.make_optimizer(model)
    steps = epochs * -(-len(data.train) // batch)
    return measure_training(
        model,
        data,
        optimizer=optimizer,
        schedule=make_schedule("step-decay", optimizer, model, steps=steps, rate=RATE),
        epochs=epochs,
        batch=batch,
        count=count,
        shuffle=torch.Generator().manual_seed(seed),
        advance=advance,
    )


def select_moments(states: Sequence[TrainingState]) -> list[TrainingState]:
    """Select the states before training, after the first step, before and after the first rate cut, at the end."""
    cut = next(number for number, state in enumerate(states) if state.used < states[0].used)
    return [states[0], states[1], states[cut - 1], states[cut], states[-1]]


def _format_moments(name: str, states: Sequence[TrainingState]) -> list[str]:
    fits = [state.fits[LOG_NORMAL.name] for state in select_moments(states)]
    return [
        f"{name + ', mu':<34}" + "".join(f"{fit.place:>12.2f}" for fit in fits),
        f"{name + ', sigma':<34}" + "".join(f"{fit.shape:>12.2f}" for fit in fits),
    ]
