"""H Fig 3.11 to 3.15: which rate would have changed how many patterns over a training, and the models fitted to it."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import astuple, fields
from pathlib import Path
from statistics import fmean

from ...analyzer.errors import OptionError
from ...analyzer.whole import whole
from ...plugins.torch.transition import MODELS
from ..datasets.labelled import Split
from .recipe import Order, Recipe
from .schedule_nets import data_of, net
from .schedule_runs import Run, append_rows, key, read_rows
from .schedule_training import found_rate
from .schedules import SCHEDULES, schedule
from .sensitivity_maps import draw_layers, draw_maps, draw_models
from .sensitivity_states import Fitted, StateRow, rows_of, states_of, trained

DEFAULT, NETS = ("step-decay", "one-cycle"), ("f1",)
EPOCHS, COLUMNS, BATCH, SAMPLES = 8, 40, 128, 20_480
QUICK_EPOCHS, QUICK_COLUMNS, QUICK_BATCH = 4, 12, 32


def runs(order: Order, name: str, samples: int) -> list[Run]:
    """What is trained of a network.

    Raises:
        OptionError: a schedule that is not known, or ActCooLR, which would take the steps that are tried for its own.
    """
    epochs = order.epochs or (QUICK_EPOCHS if order.quick else EPOCHS)
    methods = [schedule(method) for method in order.methods or DEFAULT]
    if not all(method.tuned for method in methods):
        able = ", ".join(known.name for known in SCHEDULES if known.tuned)
        raise OptionError(f"sensitivity looks at trainings under {able}; actcoolr measures by itself")
    return [Run(name, method.name, order.seed, samples, epochs) for method in methods]


def steps(order: Order) -> int:
    """Epochs of all runs."""
    return sum(run.epochs for name in order.nets or NETS for run in runs(order, name, 0))


def run(order: Order, told: Callable[[int], None]) -> list[str]:
    """Train and look at what is missing in sensitivity.csv, fit, draw the figures, and say how well the models fit.

    Raises:
        OptionError: no data were given, or a name is not known.
    """
    numbers = order.out / "sensitivity.csv"
    lines: list[str] = []
    all_: dict[Run, list[Fitted]] = {}
    for name in order.nets or NETS:
        data = data_of(order, net(name).images, most=SAMPLES)
        wanted = runs(order, name, len(data.train))
        _look_at_missing(order, data, wanted, told, numbers)
        found = {}
        for each in wanted:
            states = states_of([row for row in read_rows(numbers, StateRow) if key(row) == each])
            found[each] = [Fitted(state, {model.name: state.found.fit(model) for model in MODELS}) for state in states]
        draw_maps(found, order.out / f"phases_{name}.png", title=name)
        draw_layers(found, order.out / f"layers_{name}.png", title=name)
        draw_models(found[wanted[0]][0], order.out / f"models_{name}.png", title=f"{name}, before training")
        lines += [*compared(found), ""]
        all_ |= found
    _write_fits(order.out / "fits.csv", all_)
    return [*lines, f"{numbers}, fits.csv and pictures are written to {order.out}."]


def compared(found: Mapping[Run, list[Fitted]]) -> list[str]:
    """The reconstruction errors of the models, before training and in the mean and at most over all states."""
    lines = [f"{'mean squared error of P':<28}" + "".join(f"{model.name:>12}" for model in MODELS)]
    for run, states in found.items():
        errors = {model.name: [state.fits[model.name].error for state in states] for model in MODELS}
        for part, numbers in {
            "before": [each[0] for each in errors.values()],
            "mean": [fmean(each) for each in errors.values()],
            "largest": [max(each) for each in errors.values()],
        }.items():
            told = "".join(f"{number:>12.2e}" for number in numbers)
            lines.append(f"{run.net}, {run.schedule}, {part}".ljust(28) + told)
        best = [min(MODELS, key=lambda model: state.fits[model.name].error).name for state in states]
        counts = ", ".join(f"{model.name} {best.count(model.name)}" for model in MODELS)
        lines.append(f"{run.net}, {run.schedule}: states that each fits best, of {len(states)}: {counts}")
    return lines


def _look_at_missing(order: Order, data: Split, wanted: list[Run], told: Callable[[int], None], numbers: Path) -> None:
    batch = QUICK_BATCH if order.quick else BATCH
    columns = QUICK_COLUMNS if order.quick else COLUMNS
    for each in wanted:
        if each in {key(row) for row in read_rows(numbers, StateRow)}:
            told(each.epochs)
            continue
        rate = found_rate(each.net, each.seed, data, batch=batch, quick=order.quick)
        states = trained(
            each, data, rate=rate, columns=columns, batch=batch, quick=order.quick, device=order.device, told=told
        )
        append_rows(numbers, rows_of(each, states), StateRow)


def _write_fits(path: Path, found: Mapping[Run, list[Fitted]]) -> None:
    with whole(path) as part, part.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*(field.name for field in fields(Run)), "at", "model", "place", "shape", "error"])
        for run, states in found.items():
            for each in states:
                for name, fit in each.fits.items():
                    numbers = [f"{number:.6g}" for number in (fit.place, fit.shape, fit.error)]
                    writer.writerow([*astuple(run), f"{each.state.at:.6g}", name, *numbers])


RECIPE = Recipe(steps, run)
