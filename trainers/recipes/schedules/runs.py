"""Runs under a schedule: every epoch and the measured steps, kept in csv files that a stopped recipe goes on from."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TypeVar, get_type_hints

from ....analyzer.errors import DataError
from .schedules import START

Row = TypeVar("Row")


@dataclass(frozen=True)
class Run:
    """What is trained how: a run is in the files if a row has this key.

    Args:
        net: name of the network.
        schedule: name of the schedule.
        seed: of first weights and order.
        samples: trained on.
        epochs: asked for.
        gamma: bends ActCooLR's curve; 1 for the others.
        start: its temperature at the first step; its default for the others.
    """

    net: str
    schedule: str
    seed: int
    samples: int
    epochs: int
    gamma: float = 1.0
    start: float = START


@dataclass(frozen=True)
class EpochRow(Run):
    """An epoch of a run.

    Args:
        epoch: from 0.
        found: the rate that the range test told; 0 where the schedule wants none.
        rate: mean over the measured steps of the epoch.
        distance: P, likewise.
        wanted: P asked for, likewise; nan where nobody asks.
        off: mean of what P is off it, without signs.
        fits: full fits of ActCooLR so far.
        loss: mean over the steps.
        train_accuracy: in the forwards that the steps are taken from.
        val_accuracy: after the epoch.
        distances: D of each site, means like the rate, from the first to the last with spaces between.
    """

    epoch: int = 0
    found: float = 0.0
    rate: float = 0.0
    distance: float = 0.0
    wanted: float = 0.0
    off: float = 0.0
    fits: int = 0
    loss: float = 0.0
    train_accuracy: float = 0.0
    val_accuracy: float = 0.0
    distances: str = ""


@dataclass(frozen=True)
class StepRow(Run):
    """A few measured steps after each other, by their means.

    Args:
        at: epochs done, with fraction.
        rate: of the step.
        distance: P.
        wanted: P asked for; nan where nobody asks.
    """

    at: float = 0.0
    rate: float = 0.0
    distance: float = 0.0
    wanted: float = 0.0


def key(row: Run) -> Run:
    """Of which run a row is.

    >>> key(StepRow("f1", "actcoolr", 10, 60000, 15, at=0.5))
    Run(net='f1', schedule='actcoolr', seed=10, samples=60000, epochs=15, gamma=1.0, start=3.17)
    """
    return Run(row.net, row.schedule, row.seed, row.samples, row.epochs, row.gamma, row.start)


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """The rows of a file; none if there is no file.

    Raises:
        DataError: the file has other columns, or a row that cannot be read.
    """
    if not path.exists():
        return []
    hints = get_type_hints(kind)
    names = _names(kind)
    with path.open(newline="") as file:
        reader = csv.reader(file)
        if next(reader, None) != names:
            raise DataError(f"{path}: the columns {', '.join(names)} are needed; give another --out or remove the file")
        try:
            return [
                kind(*(hints[name](text) for name, text in zip(names, row, strict=True)))  # a field's type reads it
                for row in reader
            ]
        except ValueError as error:
            raise DataError(
                f"{path}, line {reader.line_num}: {error}; remove that run's lines to train it again"
            ) from error


def append_rows(path: Path, rows: Sequence[Row], kind: type[Row]) -> None:
    """Write rows behind those that are there; numbers with six digits that count."""
    lines: list[Iterable[object]] = [] if path.exists() else [_names(kind)]
    lines += [[f"{value:.6g}" if isinstance(value, float) else value for value in astuple(row)] for row in rows]  # type: ignore[call-overload]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def _names(kind: type[object]) -> list[str]:
    return [field.name for field in fields(kind)]  # type: ignore[arg-type]
