"""Draws phase diagrams: P over rates and training, the used rate as a line, below it what the models say (Fig 3.11)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....analyzer.atomic_write import write_atomically
from ....analyzer.errors import import_optional
from ....plugins.torch.temperature.transition import LOG_NORMAL, MODELS
from ....plugins.torch.temperature.transition_fit import nls
from ..schedules.runs import Run
from .fits import Fitted
from .states import State

LOOK = {"cmap": "viridis", "vmin": 0, "vmax": 1, "shading": "nearest"}


def draw_maps(found: Mapping[str, Sequence[Fitted]], path: Path, *, title: str) -> None:
    """Write the picture: a column for each run: P, then mu and sigma of the log-normal model, then the models' errors.

    Args:
        found: states of each run with their fits, by its caption.
        path: the png file, written whole or not at all.
        title: over all.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figures = import_optional("matplotlib.figure", package="matplotlib", task="drawing")
    figure = figures.Figure(figsize=(min(5.2, 14 / len(found)) * len(found) + 0.8, 8), layout="constrained")
    figure.suptitle(f"{title}: share of patterns that a step would have changed")
    axes = figure.subplots(3, len(found), squeeze=False, sharey="row", sharex="col")
    widths = [axis.twinx() for axis in axes[1]]
    for width in widths[1:]:
        width.sharey(widths[0])
    for number, (column, width, (caption, states)) in enumerate(zip(axes.T, widths, found.items(), strict=True)):
        column[0].set_title(caption, fontsize=10)
        drawn = _map(column[0], [each.state for each in states], [each.state.found.mean for each in states])
        at = [each.state.at for each in states]
        fits = [each.fits[LOG_NORMAL.name] for each in states]
        column[0].plot(
            at, np.exp([fit.place for fit in fits]), "--", color="black", linewidth=1, label="P = 1/2, model"
        )
        (mu,) = column[1].plot(at, [fit.place for fit in fits])
        (sigma,) = width.plot(at, [fit.shape for fit in fits], color="C1")
        for model in MODELS:
            column[2].plot(at, [each.fits[model.name].error for each in states], label=model.name)
        if number == 0:
            column[0].legend(fontsize=7, loc="upper right")
            column[1].legend([mu, sigma], ["mu", "sigma, right axis"], fontsize=8)
            column[2].legend(fontsize=8)
        column[2].set_yscale("log")
        column[2].set_xlabel("epoch")
        for axis in column[1:]:
            axis.grid(alpha=0.3)
    for axis, caption in zip(axes[:, 0], ("learning rate", "log-normal model", "mean squared error of P"), strict=True):
        axis.set_ylabel(caption)
    figure.colorbar(drawn, ax=axes[0], label="P", pad=0.01)
    _save(figure, path)


def draw_layers(found: Mapping[Run, Sequence[Fitted]], path: Path, *, title: str) -> None:
    """Write the picture: D of the first, the middle and the last site by themselves, a row for each run (Fig 3.15).

    Args:
        found: states of each run with their fits.
        path: the png file, written whole or not at all.
        title: over all.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figures = import_optional("matplotlib.figure", package="matplotlib", task="drawing")
    figure = figures.Figure(figsize=(11, 2.9 * len(found) + 0.5), layout="constrained")
    figure.suptitle(f"{title}: single sites")
    axes = figure.subplots(len(found), 3, squeeze=False, sharey=True, sharex="row")
    for line, (run, fitted) in zip(axes, found.items(), strict=True):
        states = [each.state for each in fitted]
        count = len(states[0].found.sites)
        for axis, place in zip(line, (0, count // 2, count - 1), strict=True):
            D = [state.found.distances[:, place] for state in states]
            drawn = _map(axis, states, D)
            middles = [nls(LOG_NORMAL, state.found.rates, each).place for state, each in zip(states, D, strict=True)]
            axis.plot([state.at for state in states], np.exp(middles), "--", color="black", linewidth=1)
            axis.set_title(f"{run.schedule}, site {place + 1} of {count}", fontsize=9)
        line[0].set_ylabel("learning rate")
    for axis in axes[-1]:
        axis.set_xlabel("epoch")
    figure.colorbar(drawn, ax=axes, label="D", pad=0.01)
    _save(figure, path)


def draw_models(fitted: Fitted, path: Path, *, title: str) -> None:
    """Write the picture: P at one state and each model as it fits best, side by side (Fig 3.14).

    Args:
        fitted: the state and the fits.
        path: the png file, written whole or not at all.
        title: over all.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figures = import_optional("matplotlib.figure", package="matplotlib", task="drawing")
    figure = figures.Figure(figsize=(11, 3.3), layout="constrained")
    figure.suptitle(title)
    found = fitted.state.found
    for axis, fit in zip(figure.subplots(1, len(MODELS), sharey=True), fitted.fits.values(), strict=True):
        axis.plot(found.rates, found.mean, ".", color="black", markersize=4, label="measured")
        axis.plot(found.rates, fit.predict(found.rates), color="C1", label=f"mean squared error {fit.error:.1e}")
        axis.set_xscale("log")
        axis.set_title(f"{fit.model.name}: {_parameters(fit)}", fontsize=9)
        axis.set_xlabel("learning rate")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7.5, loc="lower right")
    figure.axes[0].set_ylabel("P")
    _save(figure, path)


def _map(axis: Any, states: Sequence[State], columns: Sequence[Any]) -> Any:
    at = [state.at for state in states]
    drawn = axis.pcolormesh(at, states[0].found.rates, np.array(columns).T, **LOOK)
    axis.plot(at, [state.used for state in states], color="white", linewidth=1.2)
    axis.set_yscale("log")
    axis.set_ylim(states[0].found.rates[0], states[0].found.rates[-1])
    return drawn


def _parameters(fit: Any) -> str:
    return ", ".join(
        f"{name} {value:.3g}" for name, value in zip(fit.model.parameters, (fit.place, fit.shape), strict=True)
    )


def _save(figure: Any, path: Path) -> None:
    with write_atomically(path) as part:
        figure.savefig(part, format="png", dpi=80)
