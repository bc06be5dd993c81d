"""H Fig 3.11 to 3.21: how many patterns each rate would change over a training, and transition models fitted to it."""

from collections.abc import Callable, Mapping
from dataclasses import astuple
from functools import cache
from pathlib import Path
from statistics import fmean

from ....plugins.torch.temperature.transition import MODELS
from ...datasets.labelled import Split
from ..recipe import RunConfig
from ..results_csv import columns_of
from ..schedules.nets import dataset_of, load_data
from ..schedules.runs import Run
from ..schedules.schedules import TUNED, check_schedule
from ..schedules.training import find_rate
from .maps import draw_layers, draw_maps, draw_models
from .measuring import measure_run
from .states import TrainingKey, TrainingState, append_states, read_states, write_fits
from .studies import STUDIES, run_study

DEFAULT, NETS = ("step-decay", "one-cycle"), ("f1",)
EPOCHS, STATES, STUDY_STATES, BATCH, SAMPLES = 8, 40, 24, 128, 20_480
QUICK_EPOCHS, QUICK_STATES, QUICK_BATCH = 4, 12, 32
RUN_COLUMNS = columns_of(Run)


def list_runs(config: RunConfig, name: str, samples: int) -> list[Run]:
    """Return the runs of a network, one per schedule.

    Raises:
        OptionError: an unknown schedule.
    """
    methods = [method for method in config.methods or DEFAULT if method not in STUDIES]
    return [Run(name, check_schedule(method), config.seed, samples, _epochs(config)) for method in methods]


def steps(config: RunConfig) -> int:
    """Return the number of epochs of all runs."""
    studied = sum(len(STUDIES[name]) for name in _studies(config)) * _epochs(config)
    return studied + sum(run.epochs for name in config.nets or NETS for run in list_runs(config, name, 0))


def run(config: RunConfig, advance: Callable[[int], None]) -> list[str]:
    """Measure the runs missing in the csv files, fit the models, draw the figures, and return the errors of the fits.

    Methods are schedules and studies: momentum, weight-decay, depth, width, residual.

    Raises:
        OptionError: no data set was given, or an unknown network or method.
    """
    lines = [line for name in _studies(config) for line in [*_run_study(config, name, advance), ""]]
    if not list_runs(config, NETS[0], 0):
        return [*lines, f"studies.csv and pictures are written to {config.out}."]
    numbers = config.out / "sensitivity.csv"
    trainings: dict[TrainingKey, list[TrainingState]] = {}
    for name in config.nets or NETS:
        data = load_data(config, dataset_of(name), most=SAMPLES)
        runs = list_runs(config, name, len(data.train))
        _measure_missing(config, data, runs, advance, numbers)
        states = read_states(numbers, RUN_COLUMNS)
        found = {each: states[astuple(each)] for each in runs}
        by_schedule = {each.schedule: states for each, states in found.items()}
        draw_maps(by_schedule, config.out / f"phases_{name}.png", title=name)
        draw_layers(by_schedule, config.out / f"layers_{name}.png", title=name)
        draw_models(found[runs[0]][0], config.out / f"models_{name}.png", title=f"{name}, before training")
        lines += [*compare_models(found), ""]
        trainings |= {astuple(each): states for each, states in found.items()}
    write_fits(config.out / "fits.csv", RUN_COLUMNS, trainings)
    return [*lines, f"{numbers}, fits.csv and pictures are written to {config.out}."]


def compare_models(found: Mapping[Run, list[TrainingState]]) -> list[str]:
    """Return the errors of the models as text: before training, and mean and largest over all states."""
    lines = [f"{'mean squared error of P':<28}" + "".join(f"{model.name:>12}" for model in MODELS)]
    for run, states in found.items():
        errors = {model.name: [state.fits[model.name].error for state in states] for model in MODELS}
        for part, numbers in {
            "before": [each[0] for each in errors.values()],
            "mean": [fmean(each) for each in errors.values()],
            "largest": [max(each) for each in errors.values()],
        }.items():
            cells = "".join(f"{number:>12.2e}" for number in numbers)
            lines.append(f"{run.net}, {run.schedule}, {part}".ljust(28) + cells)
        best = [min(MODELS, key=lambda model: state.fits[model.name].error).name for state in states]
        counts = ", ".join(f"{model.name} {best.count(model.name)}" for model in MODELS)
        lines.append(f"{run.net}, {run.schedule}: states that each fits best, of {len(states)}: {counts}")
    return lines


def _measure_missing(
    config: RunConfig, data: Split, runs: list[Run], advance: Callable[[int], None], numbers: Path
) -> None:
    batch = QUICK_BATCH if config.quick else BATCH
    count = QUICK_STATES if config.quick else STATES

    @cache
    def rate(name: str, seed: int) -> float:
        return find_rate(name, seed, data, batch=batch, quick=config.quick)

    for each in runs:
        if astuple(each) in read_states(numbers, RUN_COLUMNS):
            advance(each.epochs)
            continue
        states = measure_run(
            each,
            data,
            rate=rate(each.net, each.seed) if each.schedule in TUNED else 0.0,
            count=count,
            batch=batch,
            quick=config.quick,
            device=config.device,
            advance=advance,
        )
        append_states(numbers, RUN_COLUMNS, astuple(each), states)


def _run_study(config: RunConfig, name: str, advance: Callable[[int], None]) -> list[str]:
    config.out.mkdir(parents=True, exist_ok=True)
    return run_study(
        name,
        load_data(config, "mnist", most=SAMPLES),
        out=config.out,
        seed=config.seed,
        epochs=_epochs(config),
        batch=QUICK_BATCH if config.quick else BATCH,
        count=QUICK_STATES if config.quick else STUDY_STATES,
        device=config.device,
        advance=advance,
    )


def _studies(config: RunConfig) -> list[str]:
    return [method for method in config.methods if method in STUDIES]


def _epochs(config: RunConfig) -> int:
    return config.epochs or (QUICK_EPOCHS if config.quick else EPOCHS)
