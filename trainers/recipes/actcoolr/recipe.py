"""H Table 3.2, Fig 3.22 and Table 3.1: ActCooLR compared with tuned schedules; its curves by gamma and length."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import isfinite

from ...datasets.labelled import Labelled, Split
from ..recipe import RunConfig
from ..results_csv import append_rows, read_rows, six_digits
from ..schedules.nets import dataset_of, load_data
from ..schedules.runs import EpochRow, Run, StepRow, run_of
from ..schedules.schedules import START, TUNED, check_schedule
from ..schedules.training import find_rate, train_run
from .curves import draw_curves, draw_sites
from .table import compare_with_best, write_summaries

NETS, QUICK_NETS = ("f1", "resnet-20"), ("f1",)
GAMMAS, LENGTHS = "gamma", "length"
SWEEPS = (GAMMAS, LENGTHS)
DEFAULT = ("step-decay", "one-cycle", "actcoolr", *SWEEPS)
SEEDS, EPOCHS, BATCH, SWEPT_SAMPLES = 3, 15, 128, 10_240
SWEPT_GAMMAS, SWEPT_EPOCHS, SWEPT_LENGTHS = (0.5, 1.0, 2.0, 4.0), 6, (3, 6, 12)
STARTS = (START, 2.5, 2.0, 1.5, 1.0, 0.5)
"""Start temperatures that are tried in this order until the training does not diverge, as in the thesis."""
QUICK_SEEDS, QUICK_BATCH, QUICK_GAMMAS, QUICK_LENGTHS = 1, 32, (1.0, 4.0), (3, 6)


def list_runs(config: RunConfig, name: str, samples: int) -> dict[str, list[Run]]:
    """Return the runs of a network by method; sweeps use fewer images and are a default only for MNIST nets.

    Raises:
        OptionError: an unknown network or method.
    """
    dataset = dataset_of(name)
    methods = config.methods or (DEFAULT if dataset == "mnist" else DEFAULT[:-2])
    seeds = config.seeds or ((QUICK_SEEDS if config.quick else SEEDS) if dataset == "mnist" else 1)
    fewer = min(samples, SWEPT_SAMPLES)
    gammas, lengths = (QUICK_GAMMAS, QUICK_LENGTHS) if config.quick else (SWEPT_GAMMAS, SWEPT_LENGTHS)
    runs: dict[str, list[Run]] = {}
    for method in methods:
        if method == GAMMAS:
            runs[method] = [Run(name, "actcoolr", config.seed, fewer, SWEPT_EPOCHS, gamma) for gamma in gammas]
        elif method == LENGTHS:
            runs[method] = [Run(name, "actcoolr", config.seed, fewer, length) for length in lengths]
        else:
            schedule, epochs = check_schedule(method), config.epochs or EPOCHS
            runs[method] = [Run(name, schedule, config.seed + number, samples, epochs) for number in range(seeds)]
    return runs


def steps(config: RunConfig) -> int:
    """Return the number of epochs of all runs; a run that belongs to two comparisons counts twice."""
    return sum(run.epochs for name in _nets(config) for each in list_runs(config, name, 0).values() for run in each)


def run(config: RunConfig, advance: Callable[[int], None]) -> list[str]:
    """Train the runs missing in actcoolr.csv, draw each network's curves, and return the comparison of the schedules.

    Raises:
        OptionError: no data set was given, or an unknown network or method.
    """
    lines: list[str] = []
    config.out.mkdir(parents=True, exist_ok=True)
    for name in _nets(config):
        data = load_data(config, dataset_of(name))
        groups = list_runs(config, name, len(data.train))
        final = _train_missing(config, data, [each for group in groups.values() for each in group], advance)
        groups = {method: [final[each] for each in group] for method, group in groups.items()}
        lines += [*_compare(config, name, groups), ""]
    return [*lines, f"actcoolr.csv, actcoolr_steps.csv, tables and pictures are written to {config.out}."]


def _train_missing(config: RunConfig, data: Split, runs: list[Run], advance: Callable[[int], None]) -> dict[Run, Run]:
    """Train what is missing; map each run to its run at the first start temperature that does not diverge."""
    batch = QUICK_BATCH if config.quick else BATCH
    numbers = config.out / "actcoolr.csv"

    @cache
    def rate(name: str, seed: int) -> float:
        return find_rate(name, seed, data, batch=batch, quick=config.quick)

    def diverges(run: Run, advance: Callable[[int], None]) -> bool:
        """Whether the run diverged, according to its rows, or to its training if it has none."""
        epochs = [row for row in read_rows(numbers, EpochRow) if run_of(row) == run]
        if epochs:
            advance(run.epochs)
        else:
            found = rate(run.net, run.seed) if run.schedule in TUNED else 0.0
            part = Split(Labelled(data.train.x[: run.samples], data.train.y[: run.samples]), data.val)
            epochs, measured = train_run(
                run, part, found=found, batch=batch, quick=config.quick, device=config.device, advance=advance
            )
            append_rows(config.out / "actcoolr_steps.csv", StepRow, measured, number=six_digits)
            append_rows(numbers, EpochRow, epochs, number=six_digits)
        return not isfinite(epochs[-1].loss)

    final: dict[Run, Run] = {}
    for each in sorted(runs, key=lambda run: run.seed):  # so that a stopped recipe has complete comparisons
        starts = STARTS if each.schedule == "actcoolr" else STARTS[:1]
        for start in starts:
            final[each] = replace(each, start=start)
            if not diverges(final[each], advance if start == each.start else lambda _: None):
                break
    return final


def _compare(config: RunConfig, name: str, groups: dict[str, list[Run]]) -> list[str]:
    """Draw the runs of a network, write their tables and return them as text."""
    epochs = read_rows(config.out / "actcoolr.csv", EpochRow)
    points = read_rows(config.out / "actcoolr_steps.csv", StepRow)
    methods = {method: runs for method, runs in groups.items() if method not in SWEEPS}
    sweeps = {
        f"{method} {each.gamma:g}" if method == GAMMAS else f"{method} {each.epochs}": [each]
        for method, runs in groups.items()
        if method in SWEEPS
        for each in runs
    }
    lines: list[str] = []
    if methods:
        draw_curves([methods], epochs, points, config.out / f"schedules_{name}.png", title=name)
        firsts = {method: runs[0] for method, runs in methods.items()}
        draw_sites(firsts, epochs, config.out / f"sites_{name}.png", title=name)
        lines += write_summaries(methods, epochs, config.out / f"schedules_{name}.csv")
        lines += compare_with_best(methods, epochs)
    if sweeps:
        columns = [{label: runs for label, runs in sweeps.items() if label.startswith(sweep)} for sweep in SWEEPS]
        draw_curves(columns, epochs, points, config.out / f"sweeps_{name}.png", title=name)
        lines += write_summaries(sweeps, epochs, config.out / f"sweeps_{name}.csv")
    return lines


def _nets(config: RunConfig) -> tuple[str, ...]:
    return config.nets or (QUICK_NETS if config.quick else NETS)
