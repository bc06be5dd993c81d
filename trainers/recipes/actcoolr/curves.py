"""Draws runs as Fig 3.22 and 3.8 do: temperature, rate and error over the epochs; and each site's temperature."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....analyzer.atomic_write import write_atomically
from ....analyzer.errors import import_optional
from ....analyzer.measures.pattern_temperature import temperature
from ..schedules.runs import EpochRow, Run, StepRow, key

WARMEST = 6.0
"""Temperature that is drawn at most, in bits."""
HOTTEST = 1 - 2**-8
"""P that is drawn at most: at 1 the temperature has no end."""


def draw_curves(
    columns: Sequence[Mapping[str, Sequence[Run]]],
    epochs: Sequence[EpochRow],
    points: Sequence[StepRow],
    path: Path,
    *,
    title: str,
) -> None:
    """Write the picture: temperature (dotted: as asked for), rate and error in validation, one below the other.

    Args:
        columns: side by side: the runs of each line by its label; each run is drawn.
        epochs: rows of the epochs.
        points: rows of the measured steps.
        path: the png file, written whole or not at all.
        title: over all.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figures = import_optional("matplotlib.figure", package="matplotlib", task="drawing")
    figure = figures.Figure(figsize=(5.2 * len(columns) + 0.4, 7.6), layout="constrained")
    figure.suptitle(title)
    for column, axes in zip(columns, figure.subplots(3, len(columns), squeeze=False, sharey="row").T, strict=True):
        for number, (label, runs) in enumerate(column.items()):
            for place, run in enumerate(runs):
                own = [row for row in epochs if key(row) == run]
                steps = [row for row in points if key(row) == run]
                name = label if place == 0 and own else None
                _lines(axes, own, steps, label=name, colour=f"C{number}")
        for axis, caption in zip(
            axes, ("temperature, bits", "learning rate", "error in validation, per cent"), strict=True
        ):
            axis.set_ylabel(caption)
            axis.grid(alpha=0.3)
        axes[0].set_ylim(0, None)
        axes[1].set_yscale("log")
        axes[2].set_yscale("log")
        for part in (axes[2].yaxis.set_major_formatter, axes[2].yaxis.set_minor_formatter):
            part("{x:g}")
        axes[2].set_xlabel("epoch")
        axes[0].legend(fontsize=8)
    with write_atomically(path) as part:
        figure.savefig(part, format="png", dpi=90)


def draw_sites(runs: Mapping[str, Run], epochs: Sequence[EpochRow], path: Path, *, title: str) -> None:
    """Write the picture: the temperature of each site in each epoch, a panel for each run, as Fig 3.9 and 3.10.

    Args:
        runs: by their captions; those without rows have an empty panel.
        epochs: rows of the epochs.
        path: the png file, written whole or not at all.
        title: over all.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figures = import_optional("matplotlib.figure", package="matplotlib", task="drawing")
    figure = figures.Figure(figsize=(3.6 * len(runs) + 1, 3.6), layout="constrained")
    figure.suptitle(f"{title}: temperature of each site, bits")
    axes = figure.subplots(1, len(runs), squeeze=False, sharey=True)[0]
    drawn: list[Any] = []
    for axis, (caption, run) in zip(axes, runs.items(), strict=True):
        own = sorted((row for row in epochs if key(row) == run), key=lambda row: row.epoch)
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
    with write_atomically(path) as part:
        figure.savefig(part, format="png", dpi=90)


def _lines(
    axes: Sequence[Any], epochs: Sequence[EpochRow], steps: Sequence[StepRow], *, label: str | None, colour: str
) -> None:
    look = {"color": colour, "linewidth": 1.2, "alpha": 0.85}
    at = np.array([row.at for row in steps])
    for name, style in (("wanted", ":"), ("distance", "-")):
        P = np.array([getattr(row, name) for row in steps])
        axes[0].plot(at, temperature(np.minimum(P, HOTTEST)), style, label=label if style == "-" else None, **look)
    axes[1].plot(at, [row.rate for row in steps], **look)
    axes[2].plot([row.epoch + 1 for row in epochs], [100 * (1 - row.val_accuracy) for row in epochs], **look)
