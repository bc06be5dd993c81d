"""Compares runs: accuracies with their spread, the learning rates, and how far P was from its target."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from pathlib import Path
from statistics import fmean

from ..mean import Mean
from ..results_csv import write_table
from ..schedules.runs import EpochRow, Run, run_of

OURS = "actcoolr"
COLUMNS = (
    *("runs_of", "runs", "diverged", "val_accuracy", "deviation", "halfway", "train_accuracy"),
    *("start_temperature", "found_rate", "highest_rate", "highest_at", "mean_off_P"),
)


@dataclass(frozen=True)
class Summary:
    """Averages over runs that differ in their seed only.

    Args:
        label: label of the runs.
        runs: number of runs.
        diverged: number of runs that diverged.
        accuracy: validation accuracy after the last epoch, or after the last step of a run that diverged.
        halfway: validation accuracy after half of the epochs.
        training: training accuracy in the last epoch.
        start: temperature at the first step; 0 for schedules without one.
        found: rate of the range test; 0 for schedules without one.
        highest: largest rate of an epoch.
        when: middle of that epoch, as a share of the training.
        off: mean of |P - target|; nan for schedules without a target.
    """

    label: str
    runs: int
    diverged: int
    accuracy: Mean
    halfway: Mean
    training: Mean
    start: float
    found: float
    highest: float
    when: float
    off: float


def summarize(label: str, runs: Sequence[Run], rows: Iterable[EpochRow]) -> Summary | None:
    """Return the averages over the given runs; None if no row belongs to one of them."""
    by_run: dict[Run, list[EpochRow]] = {}
    for row in rows:
        if run_of(row) in runs:
            by_run.setdefault(run_of(row), []).append(row)
    if not by_run:
        return None
    histories = [sorted(each, key=lambda row: row.epoch) for each in by_run.values()]
    tops = [max(each, key=lambda row: row.rate) for each in histories]
    return Summary(
        label,
        len(histories),
        sum(not isfinite(each[-1].loss) for each in histories),
        Mean.of([each[-1].val_accuracy for each in histories]),
        Mean.of([each[(len(each) - 1) // 2].val_accuracy for each in histories]),
        Mean.of([each[-1].train_accuracy for each in histories]),
        fmean(each[0].start if each[0].schedule == OURS else 0 for each in histories),
        fmean(each[0].found for each in histories),
        fmean(top.rate for top in tops),
        fmean((top.epoch + 0.5) / top.epochs for top in tops),
        fmean(row.off for each in histories for row in each),
    )


def write_summaries(groups: Mapping[str, Sequence[Run]], rows: Sequence[EpochRow], path: Path) -> list[str]:
    """Write a csv row for each group that has been trained, and return them as a text table."""
    summaries = _summaries(groups, rows)
    table = []
    for each in summaries:
        means = (each.accuracy.mean, each.accuracy.deviation, each.halfway.mean, each.training.mean)
        rates = (each.start, each.found, each.highest, each.when, each.off)
        table.append([each.label, each.runs, each.diverged, *means, *rates])
    write_table(path, COLUMNS, table, number="{:.4g}".format)
    head = f"{'':<16} {'runs':>4} {'accuracy':>12} {'halfway':>12} {'training':>12} "
    lines = [f"{head}{'start':>6} {'found':>8} {'highest':>8} {'at':>4} {'|P - wanted|':>12}"]
    for each in summaries:
        start = f"{each.start:.2f}" if each.start else "-"
        rate = f"{each.found:.3g}" if each.found else "-"
        off = "-" if isnan(each.off) else f"{each.off:.3f}"
        lines.append(
            f"{each.label:<16} {each.runs:>4} {each.accuracy!s:>12} {each.halfway!s:>12} {each.training!s:>12} "
            f"{start:>6} {rate:>8} {each.highest:>8.3g} {each.when:>4.0%} {off:>12}"
            + (f"  {each.diverged} diverged" if each.diverged else "")
        )
    return lines


def compare_with_best(groups: Mapping[str, Sequence[Run]], rows: Sequence[EpochRow]) -> list[str]:
    """Return ActCooLR's accuracy less that of the best other schedule; an empty result if one of the two is missing."""
    summaries = _summaries(groups, rows)
    ours = [each for each in summaries if each.label == OURS]
    others = [each for each in summaries if each.label != OURS]
    if not ours or not others:
        return []
    best = max(others, key=lambda each: each.accuracy.mean)
    points = ours[0].accuracy.mean - best.accuracy.mean
    return [f"{OURS}: {points:+.2f} points relative to {best.label}, the best other schedule"]


def _summaries(groups: Mapping[str, Sequence[Run]], rows: Sequence[EpochRow]) -> list[Summary]:
    return [each for label, runs in groups.items() if (each := summarize(label, runs, rows)) is not None]
