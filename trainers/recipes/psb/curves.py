"""Accuracy against the number of samples (Fig 4.2, 4.3): fits of the convergence, and curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..figure import new_figure, save_figure
from .scores import Score, average_scores


def fit_convergence(scores: Sequence[Score]) -> tuple[float, float, float, float]:
    """Fit how a network approaches its float accuracy as n grows; every number of samples has the same weight.

    Args:
        scores: passes of one network, in float and at several numbers of samples.

    Returns:
        accuracy: accuracy in float, in per cent.
        limit: a of the least squares fit a + b / sqrt(n) to the mean accuracies, in per cent.
        slope: b of this fit, in points.
        power: k of the least squares fit error ~ n^k to the root mean square errors of the scores; -1/2 for
            independent draws (4.10).

    >>> rows = [Score("", "", "", 0, n, 0, 1, 1.0, 0.9 - 0.4 / n**0.5, 0.2 / n**0.5) for n in (1, 4, 16)]
    >>> found = fit_convergence([*rows, Score("", "", "", 0, 0, 0, 1, 1.0, 0.91, 0.0)])
    >>> [round(number, 6) for number in found]
    [91.0, 90.0, -40.0, -0.5]
    """
    drawn = [score for score in scores if score.samples]
    by_samples = {int(key[0]): mean.mean for key, mean in average_scores(drawn, "samples").items()}
    n = np.array(sorted(by_samples))
    slope, limit = np.polyfit(1 / np.sqrt(n), [by_samples[each] for each in n], 1)
    squares = [np.mean([score.error**2 for score in drawn if score.samples == each]) for each in n]
    power = np.polyfit(np.log(n), np.log(squares) / 2, 1)[0]
    accuracy = next(100 * score.accuracy for score in scores if not score.samples)
    return accuracy, float(limit), float(slope), float(power)


def draw_curves(
    panels: Sequence[tuple[str, Mapping[str, Sequence[Score]]]], path: Path, *, title: str, black: str | None = None
) -> None:
    """Draw a row of panels with one curve per label; bands are one standard deviation over seeds.

    Args:
        panels: caption and scores by label of each panel.
        path: the png file, written atomically.
        title: title of the figure.
        black: label of a curve that is drawn black, as the network trained in float in Fig 4.2.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figure = new_figure(5.4 * len(panels) + 0.6, 4.4, title=title)
    for axis, (caption, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for label, scores in curves.items():
            _draw_curve(axis, label, scores, colour="black" if label == black else None)
        axis.set_xscale("log", base=2)
        ticks = sorted({score.samples for scores in curves.values() for score in scores if score.samples})
        axis.set_xticks(ticks, ticks)
        axis.set_xlabel("samples n")
        axis.set_ylabel("accuracy, per cent")
        axis.set_title(caption, fontsize=10)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7.5, loc="lower right")
    save_figure(figure, path, dpi=110)


def _draw_curve(axis: Any, label: str, scores: Sequence[Score], *, colour: str | None) -> None:
    found = {int(key[0]): mean for key, mean in average_scores(scores, "samples").items()}
    n = sorted(each for each in found if each)
    mean = np.array([found[each].mean for each in n])
    deviation = np.array([found[each].deviation for each in n])
    (line,) = axis.plot(n, mean, marker="o", markersize=3.5, color=colour, label=label)
    axis.fill_between(n, mean - deviation, mean + deviation, alpha=0.18, color=line.get_color(), linewidth=0)
    if 0 in found:
        axis.axhline(found[0].mean, linestyle="--", linewidth=0.9, color=line.get_color())
