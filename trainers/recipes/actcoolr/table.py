"""Runs side by side: accuracies with their spread, the rates that were used, how near P was to what was asked for."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from pathlib import Path
from statistics import fmean

from ....analyzer.atomic_write import write_atomically
from ..psb.tables import Mean
from ..schedules.runs import EpochRow, Run, key

OURS = "actcoolr"
COLUMNS = (
    *("runs_of", "runs", "diverged", "val_accuracy", "deviation", "halfway", "train_accuracy"),
    *("start_temperature", "found_rate", "highest_rate", "highest_at", "mean_off_P"),
)


@dataclass(frozen=True)
class Summary:
    """Some runs that differ in their seed.

    Args:
        label: what they are called.
        runs: how many.
        diverged: how many of them ended without a loss.
        accuracy: in validation, after the last epoch, of a run that diverged after its last step.
        halfway: the same after half of the epochs.
        training: in training, in the last epoch.
        start: temperature at the first step, mean; 0 of schedules that have none.
        found: rate of the range test, mean; 0 without.
        highest: the largest mean rate of an epoch, mean over runs.
        when: the epoch it is in, as a share of all.
        off: mean of how far P is off what was asked for; nan where nobody asks.
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


def summary(label: str, runs: Sequence[Run], rows: Iterable[EpochRow]) -> Summary | None:
    """What the rows say about these runs; None if there are no rows of them."""
    by_run: dict[Run, list[EpochRow]] = {}
    for row in rows:
        if key(row) in runs:
            by_run.setdefault(key(row), []).append(row)
    if not by_run:
        return None
    all_ = [sorted(each, key=lambda row: row.epoch) for each in by_run.values()]
    tops = [max(each, key=lambda row: row.rate) for each in all_]
    return Summary(
        label,
        len(all_),
        sum(not isfinite(each[-1].loss) for each in all_),
        Mean.of([each[-1].val_accuracy for each in all_]),
        Mean.of([each[(len(each) - 1) // 2].val_accuracy for each in all_]),
        Mean.of([each[-1].train_accuracy for each in all_]),
        fmean(each[0].start if each[0].schedule == OURS else 0 for each in all_),
        fmean(each[0].found for each in all_),
        fmean(top.rate for top in tops),
        fmean((top.epoch + 0.5) / top.epochs for top in tops),
        fmean(row.off for each in all_ for row in each),
    )


def table(groups: Mapping[str, Sequence[Run]], rows: Sequence[EpochRow], path: Path) -> list[str]:
    """Write a row for each group that has been trained, and tell them."""
    found = [each for label, runs in groups.items() if (each := summary(label, runs, rows)) is not None]
    with write_atomically(path) as part, part.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for each in found:
            means = (each.accuracy.mean, each.accuracy.deviation, each.halfway.mean, each.training.mean)
            rates = (each.start, each.found, each.highest, each.when, each.off)
            numbers = [f"{number:.4g}" for number in (*means, *rates)]
            writer.writerow([each.label, each.runs, each.diverged, *numbers])
    head = f"{'':<16} {'runs':>4} {'accuracy':>12} {'halfway':>12} {'training':>12} "
    lines = [f"{head}{'start':>6} {'found':>8} {'highest':>8} {'at':>4} {'|P - wanted|':>12}"]
    for each in found:
        start = f"{each.start:.2f}" if each.start else "-"
        rate = f"{each.found:.3g}" if each.found else "-"
        off = "-" if isnan(each.off) else f"{each.off:.3f}"
        lines.append(
            f"{each.label:<16} {each.runs:>4} {each.accuracy!s:>12} {each.halfway!s:>12} {each.training!s:>12} "
            f"{start:>6} {rate:>8} {each.highest:>8.3g} {each.when:>4.0%} {off:>12}"
            + (f"  {each.diverged} diverged" if each.diverged else "")
        )
    return lines


def lead(groups: Mapping[str, Sequence[Run]], rows: Sequence[EpochRow]) -> list[str]:
    """ActCooLR's accuracy against the best of the others; nothing where one of the two is missing."""
    found = {label: each for label, runs in groups.items() if (each := summary(label, runs, rows)) is not None}
    others = [each for label, each in found.items() if label != OURS]
    if OURS not in found or not others:
        return []
    best = max(others, key=lambda each: each.accuracy.mean)
    points = found[OURS].accuracy.mean - best.accuracy.mean
    return [f"{OURS} is {points:+.2f} points off {best.label}, the best of the others"]
