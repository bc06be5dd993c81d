"""H Fig 3.11 to 3.21: which rate would have changed how many patterns over a training, and the models fitted to it."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from statistics import fmean

from ....plugins.torch.temperature.transition import MODELS
from ...datasets.labelled import Split
from ..recipe import Recipe, RunConfig
from ..schedules.nets import data_of, net
from ..schedules.runs import Run, append_rows, key, read_rows
from ..schedules.schedules import schedule
from ..schedules.training import found_rate
from .fits import Fitted, write_fits
from .maps import draw_layers, draw_maps, draw_models
from .states import StateRow, rows_of, states_of, trained
from .studies import STUDIES
from .studies import made as study

DEFAULT, NETS = ("step-decay", "one-cycle"), ("f1",)
EPOCHS, COLUMNS, STUDY_COLUMNS, BATCH, SAMPLES = 8, 40, 24, 128, 20_480
QUICK_EPOCHS, QUICK_COLUMNS, QUICK_BATCH = 4, 12, 32


def runs(order: RunConfig, name: str, samples: int) -> list[Run]:
    """What is trained of a network, a run for each schedule.

    Raises:
        OptionError: a schedule that is not known.
    """
    methods = [method for method in order.methods or DEFAULT if method not in STUDIES]
    return [Run(name, schedule(method).name, order.seed, samples, _epochs(order)) for method in methods]


def steps(order: RunConfig) -> int:
    """Epochs of all runs."""
    studied = sum(len(STUDIES[name]) for name in _studies(order)) * _epochs(order)
    return studied + sum(run.epochs for name in order.nets or NETS for run in runs(order, name, 0))


def run(order: RunConfig, told: Callable[[int], None]) -> list[str]:
    """Train and look at what is missing in the csv files, fit, draw the figures, and say how well the models fit.

    Beside schedules the studies are methods too: momentum, weight-decay, depth, width, residual, each by itself.

    Raises:
        OptionError: no data were given, or a name is not known.
    """
    lines = [line for name in _studies(order) for line in [*_studied(order, name, told), ""]]
    if not runs(order, NETS[0], 0):
        return [*lines, f"studies.csv and pictures are written to {order.out}."]
    numbers = order.out / "sensitivity.csv"
    all_: dict[Run, list[Fitted]] = {}
    for name in order.nets or NETS:
        data = data_of(order, net(name).images, most=SAMPLES)
        wanted = runs(order, name, len(data.train))
        _look_at_missing(order, data, wanted, told, numbers)
        found = {}
        for each in wanted:
            states = states_of([row for row in read_rows(numbers, StateRow) if key(row) == each])
            found[each] = [Fitted.of(state) for state in states]
        draw_maps(
            {each.schedule: states for each, states in found.items()}, order.out / f"phases_{name}.png", title=name
        )
        draw_layers(found, order.out / f"layers_{name}.png", title=name)
        draw_models(found[wanted[0]][0], order.out / f"models_{name}.png", title=f"{name}, before training")
        lines += [*compared(found), ""]
        all_ |= found
    write_fits(order.out / "fits.csv", all_)
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


def _look_at_missing(
    order: RunConfig, data: Split, wanted: list[Run], told: Callable[[int], None], numbers: Path
) -> None:
    batch = QUICK_BATCH if order.quick else BATCH
    columns = QUICK_COLUMNS if order.quick else COLUMNS

    @cache
    def rate(name: str, seed: int) -> float:
        return found_rate(name, seed, data, batch=batch, quick=order.quick)

    for each in wanted:
        if each in {key(row) for row in read_rows(numbers, StateRow)}:
            told(each.epochs)
            continue
        found = rate(each.net, each.seed) if schedule(each.schedule).tuned else 0.0
        states = trained(
            each, data, rate=found, columns=columns, batch=batch, quick=order.quick, device=order.device, told=told
        )
        append_rows(numbers, rows_of(each, states), StateRow)


def _studied(order: RunConfig, name: str, told: Callable[[int], None]) -> list[str]:
    order.out.mkdir(parents=True, exist_ok=True)
    return study(
        name,
        data_of(order, "mnist", most=SAMPLES),
        out=order.out,
        seed=order.seed,
        epochs=_epochs(order),
        batch=QUICK_BATCH if order.quick else BATCH,
        columns=QUICK_COLUMNS if order.quick else STUDY_COLUMNS,
        device=order.device,
        told=told,
    )


def _studies(order: RunConfig) -> list[str]:
    return [method for method in order.methods if method in STUDIES]


def _epochs(order: RunConfig) -> int:
    return order.epochs or (QUICK_EPOCHS if order.quick else EPOCHS)


RECIPE = Recipe(steps, run)
