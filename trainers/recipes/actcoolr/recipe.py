"""H Table 3.2, Fig 3.22 and Table 3.1: ActCooLR beside schedules that want a rate; its curves by gamma and length."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import isfinite

from ...datasets.labelled import Labelled, Split
from ..recipe import Recipe, RunConfig
from ..schedules.nets import data_of, net
from ..schedules.runs import EpochRow, Run, StepRow, append_rows, key, read_rows
from ..schedules.schedules import START, schedule
from ..schedules.training import found_rate, trained
from .curves import draw_curves, draw_sites
from .table import lead, table

NETS, QUICK_NETS = ("f1", "resnet-20"), ("f1",)
GAMMAS, LENGTHS = "gamma", "length"
SWEEPS = (GAMMAS, LENGTHS)
DEFAULT = ("step-decay", "one-cycle", "actcoolr", *SWEEPS)
SEEDS, EPOCHS, BATCH, SWEPT_SAMPLES = 3, 15, 128, 10_240
SWEPT_GAMMAS, SWEPT_EPOCHS, SWEPT_LENGTHS = (0.5, 1.0, 2.0, 4.0), 6, (3, 6, 12)
STARTS = (START, 2.5, 2.0, 1.5, 1.0, 0.5)
"""Temperatures to start at, from the default down until the training does not diverge, as the thesis does."""
QUICK_SEEDS, QUICK_BATCH, QUICK_GAMMAS, QUICK_LENGTHS = 1, 32, (1.0, 4.0), (3, 6)


def runs(order: RunConfig, name: str, samples: int) -> dict[str, list[Run]]:
    """What is trained of a network, by method; a sweep is on fewer images, and by itself only of nets on MNIST.

    Raises:
        OptionError: a network or a method that this recipe does not know.
    """
    images = net(name).images
    methods = order.methods or (DEFAULT if images == "mnist" else DEFAULT[:-2])
    seeds = order.seeds or ((QUICK_SEEDS if order.quick else SEEDS) if images == "mnist" else 1)
    fewer = min(samples, SWEPT_SAMPLES)
    gammas, lengths = (QUICK_GAMMAS, QUICK_LENGTHS) if order.quick else (SWEPT_GAMMAS, SWEPT_LENGTHS)
    found: dict[str, list[Run]] = {}
    for method in methods:
        if method == GAMMAS:
            found[method] = [Run(name, "actcoolr", order.seed, fewer, SWEPT_EPOCHS, gamma) for gamma in gammas]
        elif method == LENGTHS:
            found[method] = [Run(name, "actcoolr", order.seed, fewer, length) for length in lengths]
        else:
            known = schedule(method).name
            found[method] = [
                Run(name, known, order.seed + number, samples, order.epochs or EPOCHS) for number in range(seeds)
            ]
    return found


def steps(order: RunConfig) -> int:
    """Epochs of all runs; one that is part of two comparisons counts in both."""
    return sum(run.epochs for name in _nets(order) for each in runs(order, name, 0).values() for run in each)


def run(order: RunConfig, told: Callable[[int], None]) -> list[str]:
    """Train what is missing in actcoolr.csv, draw each network's curves, and say how the schedules compare.

    Raises:
        OptionError: no data were given, or a name is not known.
    """
    lines: list[str] = []
    order.out.mkdir(parents=True, exist_ok=True)
    for name in _nets(order):
        data = data_of(order, net(name).images)
        groups = runs(order, name, len(data.train))
        settled = _settled(order, data, [each for group in groups.values() for each in group], told)
        found = {method: [settled[each] for each in group] for method, group in groups.items()}
        lines += [*_made(order, name, found), ""]
    return [*lines, f"actcoolr.csv, actcoolr_steps.csv, tables and pictures are written to {order.out}."]


def _settled(order: RunConfig, data: Split, every: list[Run], told: Callable[[int], None]) -> dict[Run, Run]:
    """Train what is missing. For each run the one that stands for it: that at the first start that does not diverge."""
    batch = QUICK_BATCH if order.quick else BATCH
    numbers = order.out / "actcoolr.csv"

    @cache
    def rate(name: str, seed: int) -> float:
        return found_rate(name, seed, data, batch=batch, quick=order.quick)

    def diverged(run: Run, told: Callable[[int], None]) -> bool:
        """Whether it does, from its rows, or trained now."""
        epochs = [row for row in read_rows(numbers, EpochRow) if key(row) == run]
        if epochs:
            told(run.epochs)
        else:
            found = rate(run.net, run.seed) if schedule(run.schedule).tuned else 0.0
            own = Split(Labelled(data.train.x[: run.samples], data.train.y[: run.samples]), data.val)
            epochs, measured = trained(
                run, own, found=found, batch=batch, quick=order.quick, device=order.device, told=told
            )
            append_rows(order.out / "actcoolr_steps.csv", measured, StepRow)
            append_rows(numbers, epochs, EpochRow)
        return not isfinite(epochs[-1].loss)

    settled: dict[Run, Run] = {}
    for each in sorted(every, key=lambda run: run.seed):  # a stopped recipe has whole comparisons
        starts = STARTS if each.schedule == "actcoolr" else STARTS[:1]
        for start in starts:
            settled[each] = replace(each, start=start)
            if not diverged(settled[each], told if start == each.start else lambda _: None):
                break
    return settled


def _made(order: RunConfig, name: str, groups: dict[str, list[Run]]) -> list[str]:
    """Draw what there is of a network and tell it."""
    epochs = read_rows(order.out / "actcoolr.csv", EpochRow)
    points = read_rows(order.out / "actcoolr_steps.csv", StepRow)
    methods = {method: every for method, every in groups.items() if method not in SWEEPS}
    sweeps = {
        f"{method} {each.gamma:g}" if method == GAMMAS else f"{method} {each.epochs}": [each]
        for method, every in groups.items()
        if method in SWEEPS
        for each in every
    }
    lines: list[str] = []
    if methods:
        draw_curves([methods], epochs, points, order.out / f"schedules_{name}.png", title=name)
        draw_sites(
            {method: each[0] for method, each in methods.items()}, epochs, order.out / f"sites_{name}.png", title=name
        )
        lines += table(methods, epochs, order.out / f"schedules_{name}.csv")
        lines += lead(methods, epochs)
    if sweeps:
        columns = [{line: each for line, each in sweeps.items() if line.startswith(sweep)} for sweep in SWEEPS]
        draw_curves(columns, epochs, points, order.out / f"sweeps_{name}.png", title=name)
        lines += table(sweeps, epochs, order.out / f"sweeps_{name}.csv")
    return lines


def _nets(order: RunConfig) -> tuple[str, ...]:
    return order.nets or (QUICK_NETS if order.quick else NETS)


RECIPE = Recipe(steps, run)
