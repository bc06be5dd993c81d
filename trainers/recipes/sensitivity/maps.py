"""Draws phase diagrams: P over rates and training with the rate of the training, and the fitted models (Fig 3.11)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....plugins.torch.temperature.transition import LOG_NORMAL, MODELS
from ....plugins.torch.temperature.transition_fit import Fit, nls
from ..figure import new_figure, save_figure
from .states import TrainingState

LOOK = {"cmap": "viridis", "vmin": 0, "vmax": 1, "shading": "nearest"}


def draw_maps(found: Mapping[str, Sequence[TrainingState]], path: Path, *, title: str) -> None:
    """Draw one column per run: P, mu and sigma of the log-normal model, and the errors of the models.

    Args:
        found: states of each run, by its caption.
        path: the png file, written atomically.
        title: first part of the title of the figure.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    width = min(5.2, 14 / len(found)) * len(found) + 0.8
    figure = new_figure(width, 8, title=f"{title}: share of patterns that a step would have changed")
    axes = figure.subplots(3, len(found), squeeze=False, sharey="row", sharex="col")
    sigma_axes = [axis.twinx() for axis in axes[1]]
    for axis in sigma_axes[1:]:
        axis.sharey(sigma_axes[0])
    for number, (column, sigma_axis, (caption, states)) in enumerate(
        zip(axes.T, sigma_axes, found.items(), strict=True)
    ):
        column[0].set_title(caption, fontsize=10)
        drawn = _draw_map(column[0], states, [state.sensitivity.mean for state in states])
        at = [state.at for state in states]
        fits = [state.fits[LOG_NORMAL.name] for state in states]
        column[0].plot(
            at, np.exp([fit.place for fit in fits]), "--", color="black", linewidth=1, label="P = 1/2, model"
        )
        (mu,) = column[1].plot(at, [fit.place for fit in fits])
        (sigma,) = sigma_axis.plot(at, [fit.shape for fit in fits], color="C1")
        for model in MODELS:
            column[2].plot(at, [state.fits[model.name].error for state in states], label=model.name)
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
    save_figure(figure, path, dpi=80)


def draw_layers(found: Mapping[str, Sequence[TrainingState]], path: Path, *, title: str) -> None:
    """Draw D of the first, the middle and the last site, one row per run (Fig 3.15).

    Args:
        found: states of each run, by its caption.
        path: the png file, written atomically.
        title: first part of the title of the figure.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figure = new_figure(11, 2.9 * len(found) + 0.5, title=f"{title}: single sites")
    axes = figure.subplots(len(found), 3, squeeze=False, sharey=True, sharex="row")
    for line, (caption, states) in zip(axes, found.items(), strict=True):
        count = len(states[0].sensitivity.sites)
        for axis, site in zip(line, (0, count // 2, count - 1), strict=True):
            D = [state.sensitivity.distances[:, site] for state in states]
            drawn = _draw_map(axis, states, D)
            middles = [
                nls(LOG_NORMAL, state.sensitivity.rates, each).place for state, each in zip(states, D, strict=True)
            ]
            axis.plot([state.at for state in states], np.exp(middles), "--", color="black", linewidth=1)
            axis.set_title(f"{caption}, site {site + 1} of {count}", fontsize=9)
        line[0].set_ylabel("learning rate")
    for axis in axes[-1]:
        axis.set_xlabel("epoch")
    figure.colorbar(drawn, ax=axes, label="D", pad=0.01)
    save_figure(figure, path, dpi=80)


def draw_models(state: TrainingState, path: Path, *, title: str) -> None:
    """Draw P at one state with the best fit of each model, in a row (Fig 3.14).

    Args:
        state: the state.
        path: the png file, written atomically.
        title: title of the figure.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figure = new_figure(11, 3.3, title=title)
    found = state.sensitivity
    for axis, fit in zip(figure.subplots(1, len(MODELS), sharey=True), state.fits.values(), strict=True):
        axis.plot(found.rates, found.mean, ".", color="black", markersize=4, label="measured")
        axis.plot(found.rates, fit.predict(found.rates), color="C1", label=f"mean squared error {fit.error:.1e}")
        axis.set_xscale("log")
        axis.set_title(f"{fit.model.name}: {_format_parameters(fit)}", fontsize=9)
        axis.set_xlabel("learning rate")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7.5, loc="lower right")
    figure.axes[0].set_ylabel("P")
    save_figure(figure, path, dpi=80)


def _draw_map(axis: Any, states: Sequence[TrainingState], columns: Sequence[Any]) -> Any:
    at = [state.at for state in states]
    drawn = axis.pcolormesh(at, states[0].sensitivity.rates, np.array(columns).T, **LOOK)
    axis.plot(at, [state.used for state in states], color="white", linewidth=1.2)
    axis.set_yscale("log")
    axis.set_ylim(states[0].sensitivity.rates[0], states[0].sensitivity.rates[-1])
    return drawn


def _format_parameters(fit: Fit) -> str:
    return ", ".join(
        f"{name} {value:.3g}" for name, value in zip(fit.model.parameters, (fit.place, fit.shape), strict=True)
    )
