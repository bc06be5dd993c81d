"""Draws runs as in Fig 3.22 and 3.8, temperature, rate and error over the epochs, and the temperature of each site."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....analyzer.measures.pattern_temperature import temperature
from ..figure import new_figure, save_figure
from ..schedules.runs import EpochRow, Run, StepRow, run_of

WARMEST = 6.0
"""Upper end of the colour scale of the temperature, in bits."""
HOTTEST = 1 - 2**-8
"""Upper bound of P in the pictures, since the temperature is infinite at P = 1."""


def draw_curves(
    columns: Sequence[Mapping[str, Sequence[Run]]],
    epochs: Sequence[EpochRow],
    points: Sequence[StepRow],
    path: Path,
    *,
    title: str,
) -> None:
    """Draw temperature (dotted: its target), rate and validation error as panels below each other.

    Args:
        columns: columns of panels, each with the runs of every label; runs of one label share a colour.
        epochs: rows of the epochs.
        points: rows of the measured steps.
        path: the png file, written atomically.
        title: title of the figure.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figure = new_figure(5.2 * len(columns) + 0.4, 7.6, title=title)
    for column, axes in zip(columns, figure.subplots(3, len(columns), squeeze=False, sharey="row").T, strict=True):
        for number, (label, runs) in enumerate(column.items()):
            for index, run in enumerate(runs):
                own = [row for row in epochs if run_of(row) == run]
                steps = [row for row in points if run_of(row) == run]
                name = label if index == 0 and own else None
                _draw_run(axes, own, steps, label=name, colour=f"C{number}")
        for axis, caption in zip(
            axes, ("temperature, bits", "learning rate", "error in validation, per cent"), strict=True
        ):
            axis.set_ylabel(caption)
            axis.grid(alpha=0.3)
        axes[0].set_ylim(0, None)
        axes[1].set_yscale("log")
        axes[2].set_yscale("log")
        for set_formatter in (axes[2].yaxis.set_major_formatter, axes[2].yaxis.set_minor_formatter):
            set_formatter("{x:g}")
        axes[2].set_xlabel("epoch")
        axes[0].legend(fontsize=8)
    save_figure(figure, path, dpi=90)


def draw_sites(runs: Mapping[str, Run], epochs: Sequence[EpochRow], path: Path, *, title: str) -> None:
    """Draw the temperature of each site in each epoch, one panel per run, as in Fig 3.9 and 3.10.

    Args:
        runs: runs by caption; a run without rows has an empty panel.
        epochs: rows of the epochs.
        path: the png file, written atomically.
        title: first part of the title of the figure.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figure = new_figure(3.6 * len(runs) + 1, 3.6, title=f"{title}: temperature of each site, bits")
    axes = figure.subplots(1, len(runs), squeeze=False, sharey=True)[0]
    drawn: list[Any] = []
    for axis, (caption, run) in zip(axes, runs.items(), strict=True):
        own = sorted((row for row in epochs if run_of(row) == run), key=lambda row: row.epoch)
        axis.set_title(caption, fontsize=10)
        axis.set_xlabel("epoch")
        if own:
            D = np.array([[float(part) for part in row.distances.split()] for row in own])
            table = np.minimum(temperature(D), WARMEST).T
            drawn.append(axis.imshow(table, vmin=0, vmax=WARMEST, cmap="inferno", aspect="auto", origin="lower"))
    axes[0].set_ylabel("site, first to last")
    axes[0].yaxis.get_major_locator().set_params(integer=True)
    if drawn:
        figure.colorbar(drawn[0], ax=axes, extend="max", pad=0.01)
    save_figure(figure, path, dpi=90)


def _draw_run(
    axes: Sequence[Any], epochs: Sequence[EpochRow], steps: Sequence[StepRow], *, label: str | None, colour: str
) -> None:
    look = {"color": colour, "linewidth": 1.2, "alpha": 0.85}
    at = np.array([row.at for row in steps])
    for values, style in (([row.wanted for row in steps], ":"), ([row.distance for row in steps], "-")):
        P = np.array(values)
        axes[0].plot(at, temperature(np.minimum(P, HOTTEST)), style, label=label if style == "-" else None, **look)
    axes[1].plot(at, [row.rate for row in steps], **look)
    axes[2].plot([row.epoch + 1 for row in epochs], [100 * (1 - row.val_accuracy) for row in epochs], **look)
