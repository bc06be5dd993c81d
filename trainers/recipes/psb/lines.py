"""Draws accuracy against samples, a line for each network, as Fig 4.2 and Fig 4.3; and fits what it converges to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....analyzer.atomic_write import write_atomically
from ....analyzer.errors import import_optional
from .tables import Mean, Score, means


@dataclass(frozen=True)
class Convergence:
    """How a network nears what it is in float as n grows.

    Args:
        slope: b of the least squares a + b / sqrt(n) through the mean accuracies, in points.
        limit: a, the accuracy for n without end, in per cent.
        power: k of the least squares error ~ n^k through the root mean squares of the scores' errors; -1/2 is that of
            independent draws (4.10).
        in_float: accuracy in float, in per cent.
    """

    slope: float
    limit: float
    power: float
    in_float: float


def convergence(scores: Sequence[Score]) -> Convergence:
    """The fits for the passes of one network; every number of samples counts once.

    >>> rows = [Score("", "", "", 0, n, 0, 1, 1.0, 0.9 - 0.4 / n**0.5, 0.2 / n**0.5) for n in (1, 4, 16)]
    >>> found = convergence([*rows, Score("", "", "", 0, 0, 0, 1, 1.0, 0.91, 0.0)])
    >>> [round(number, 6) for number in (found.slope, found.limit, found.power, found.in_float)]
    [-40.0, 90.0, -0.5, 91.0]
    """
    drawn = [score for score in scores if score.samples]
    by_samples = {int(key[0]): mean.mean for key, mean in means(drawn, "samples").items()}
    n = np.array(sorted(by_samples))
    slope, limit = np.polyfit(1 / np.sqrt(n), [by_samples[each] for each in n], 1)
    squares = [np.mean([score.error**2 for score in drawn if score.samples == each]) for each in n]
    power = np.polyfit(np.log(n), np.log(squares) / 2, 1)[0]
    in_float = next(100 * score.accuracy for score in scores if not score.samples)
    return Convergence(float(slope), float(limit), float(power), in_float)


def draw_lines(
    panels: Sequence[tuple[str, Mapping[str, Sequence[Score]]]], path: Path, *, title: str, black: str | None = None
) -> None:
    """Write the picture: a panel for each (caption, scores by label); bands are one standard deviation over seeds.

    Args:
        panels: side by side.
        path: the png file, written whole or not at all.
        title: over all panels.
        black: label of a line that is drawn black, as Fig 4.2 draws the network that was trained in float.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figures = import_optional("matplotlib.figure", package="matplotlib", task="drawing")
    figure = figures.Figure(figsize=(5.4 * len(panels) + 0.6, 4.4), layout="constrained")
    figure.suptitle(title)
    for axis, (caption, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for label, scores in lines.items():
            _line(axis, label, scores, colour="black" if label == black else None)
        axis.set_xscale("log", base=2)
        ticks = sorted({score.samples for scores in lines.values() for score in scores if score.samples})
        axis.set_xticks(ticks, ticks)
        axis.set_xlabel("samples n")
        axis.set_ylabel("accuracy, per cent")
        axis.set_title(caption, fontsize=10)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7.5, loc="lower right")
    with write_atomically(path) as part:
        figure.savefig(part, format="png", dpi=110)


def _line(axis: Any, label: str, scores: Sequence[Score], *, colour: str | None) -> None:
    found: dict[int, Mean] = {int(key[0]): mean for key, mean in means(scores, "samples").items()}
    n = sorted(each for each in found if each)
    mean = np.array([found[each].mean for each in n])
    deviation = np.array([found[each].deviation for each in n])
    (line,) = axis.plot(n, mean, marker="o", markersize=3.5, color=colour, label=label)
    axis.fill_between(n, mean - deviation, mean + deviation, alpha=0.18, color=line.get_color(), linewidth=0)
    if 0 in found:
        axis.axhline(found[0].mean, linestyle="--", linewidth=0.9, color=line.get_color())
