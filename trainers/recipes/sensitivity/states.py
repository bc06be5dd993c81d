"""States of a training with their sensitivity to the learning rate: the columns of the phase diagrams, in csv files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ....plugins.torch import Sensitivity
from ....plugins.torch.temperature.transition import MODELS
from ....plugins.torch.temperature.transition_fit import Fit
from ..results_csv import Columns, append_values, read_values, six_digits, write_table

TrainingKey = tuple[Any, ...]
"""Settings of a training, in the order of the first columns of a file."""

RATE_COLUMNS: Columns = {"at": float, "used": float, "rate": float, "distances": str}
"""Epochs completed, rate of the training, rate that was tried, D of each site separated by spaces."""


@dataclass(frozen=True)
class TrainingState:
    """A column of a phase diagram.

    Args:
        at: epochs completed, with fraction.
        used: learning rate of the training.
        sensitivity: distances by rate and site.
    """

    at: float
    used: float
    sensitivity: Sensitivity

    @cached_property
    def fits(self) -> Mapping[str, Fit]:
        """Fits of the transition models, by their names."""
        return {model.name: self.sensitivity.fit(model) for model in MODELS}


def append_states(path: Path, columns: Columns, key: TrainingKey, states: Sequence[TrainingState]) -> None:
    """Append the states of a training to a file, one row per rate and state.

    Args:
        path: the csv file.
        columns: columns of the key.
        key: settings of the training.
        states: its states.
    """
    rows = [
        (*key, state.at, state.used, float(rate), " ".join(f"{D:.4f}" for D in distances))
        for state in states
        for rate, distances in zip(state.sensitivity.rates, state.sensitivity.distances, strict=True)
    ]
    append_values(path, [*columns, *RATE_COLUMNS], rows, number=six_digits)


def read_states(path: Path, columns: Columns) -> dict[TrainingKey, list[TrainingState]]:
    """Read the states of all trainings in a file, by the key of the training; sites are named by their numbers.

    Raises:
        DataError: the file has other columns, or a row that cannot be parsed.
    """
    groups: dict[TrainingKey, dict[tuple[float, float], list[tuple[float, list[float]]]]] = {}
    for row in read_values(path, {**columns, **RATE_COLUMNS}):
        key, (at, used, rate, distances) = tuple(row[: len(columns)]), row[len(columns) :]
        tried = groups.setdefault(key, {}).setdefault((at, used), [])
        tried.append((rate, [float(part) for part in distances.split()]))
    return {key: [_state(*place, tried) for place, tried in states.items()] for key, states in groups.items()}


def _state(at: float, used: float, tried: Sequence[tuple[float, list[float]]]) -> TrainingState:
    distances = np.array([row for _, row in tried])
    sites = tuple(str(number) for number in range(distances.shape[1]))
    return TrainingState(at, used, Sensitivity(np.array([rate for rate, _ in tried]), sites, distances))


def write_fits(path: Path, columns: Columns, trainings: Mapping[TrainingKey, Sequence[TrainingState]]) -> None:
    """Write a csv file with a row for each model at each state: both parameters and the mean squared error of P.

    Args:
        path: the csv file, written atomically.
        columns: columns of the keys.
        trainings: states by the key of the training.
    """
    rows = [
        (*key, *(f"{state.at:.6g}", name), *(f"{value:.6g}" for value in (fit.place, fit.shape, fit.error)))
        for key, states in trainings.items()
        for state in states
        for name, fit in state.fits.items()
    ]
    write_table(path, [*columns, "at", "model", "place", "shape", "error"], rows)
