"""Depth x width heat maps of accuracies in a row: black at chance, light at 1, as in J Fig 2 and S Fig 1."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...analyzer.errors import import_optional
from .figure import new_figure, save_figure

Scores = Mapping[tuple[int, int], float]
NARROWEST = 2.6  # inches; leaves room for the captions
LIGHT = 0.85  # accuracy above which a cell's number is written in black


def draw_heatmaps(
    panels: Sequence[Sequence[tuple[str, Scores]]],
    path: Path,
    *,
    title: str,
    lowest: float = 0.5,
) -> None:
    """Draw rows of captioned panels and write them as a png file.

    Args:
        panels: rows of (caption, accuracy by width and depth); missing cells are left white.
        path: the png file, written atomically.
        title: title of the figure.
        lowest: accuracy that is drawn black.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    matplotlib = import_optional("matplotlib", package="matplotlib", task="drawing")
    cells = {cell for row in panels for _, scores in row for cell in scores}
    widths, depths = sorted({width for width, _ in cells}), sorted({depth for _, depth in cells})
    columns = max(map(len, panels))
    figure = new_figure(
        max(0.42 * len(depths), NARROWEST) * columns + 1.5,
        0.34 * len(widths) * len(panels) + 1.1 * len(panels) + 0.6,
        title=title,
    )
    axes = figure.subplots(len(panels), columns, squeeze=False, sharex=True, sharey=True)
    norm = matplotlib.colors.Normalize(lowest, 1)
    for row, line in zip(axes, panels, strict=True):
        for axis, (caption, scores) in zip(row, line, strict=False):
            _panel(axis, caption, scores, widths=widths, depths=depths, norm=norm)
        row[0].set_ylabel("width")
    for axis in axes[-1]:
        axis.set_xlabel("depth")
    colours = matplotlib.cm.ScalarMappable(norm, "magma")
    figure.colorbar(colours, ax=axes, label="accuracy", extend="min" if lowest > 0 else "neither", pad=0.01)
    save_figure(figure, path, dpi=110)


def _panel(axis: Any, caption: str, scores: Scores, *, widths: list[int], depths: list[int], norm: Any) -> None:
    table = [[scores.get((width, depth), float("nan")) for depth in depths] for width in widths]
    axis.imshow(table, norm=norm, cmap="magma", aspect="auto", origin="lower")
    axis.set_title(caption, fontsize=9)
    axis.set_xticks(range(len(depths)), depths, fontsize=7)
    axis.set_yticks(range(len(widths)), widths, fontsize=7)
    for row, line in enumerate(table):
        for column, score in enumerate(line):
            if score == score:  # noqa: PLR0124 - false for nan, a missing cell
                ink = "black" if score > LIGHT else "white"
                axis.text(column, row, _format(score), ha="center", va="center", fontsize=6.5, color=ink)


def _format(score: float) -> str:
    """Format with two digits and no leading zero; only 1 itself is written as 1.

    >>> _format(0.517647), _format(1.0), _format(0.998)
    ('.52', '1', '.99')
    """
    return "1" if score >= 1 else f".{min(round(score * 100), 99):02d}"
