"""Fits of the transition models to the states of trainings, and their parameters as a csv file."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, Self

from ....analyzer.atomic_write import write_atomically
from ....plugins.torch.temperature.transition import MODELS
from ....plugins.torch.temperature.transition_fit import Fit
from .states import State


@dataclass(frozen=True)
class Fitted:
    """A state with the three models fitted to it, by their names."""

    state: State
    fits: Mapping[str, Fit]

    @classmethod
    def of(cls, state: State) -> Self:
        """Fit all of them."""
        return cls(state, {model.name: state.found.fit(model) for model in MODELS})


def write_fits(path: Path, found: Mapping[Any, Sequence[Fitted]]) -> None:
    """Write a row for each model at each state: both parameters and the mean squared error of P.

    Args:
        path: the csv file, written whole or not at all.
        found: states by what was trained, a dataclass whose fields are the first columns.
    """
    names = [field.name for field in fields(next(iter(found)))]
    with write_atomically(path) as part, part.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, "at", "model", "place", "shape", "error"])
        for trained, states in found.items():
            for each in states:
                for name, fit in each.fits.items():
                    numbers = [f"{number:.6g}" for number in (fit.place, fit.shape, fit.error)]
                    writer.writerow([*astuple(trained), f"{each.state.at:.6g}", name, *numbers])
