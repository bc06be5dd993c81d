"""Draws depth x width heat maps of accuracies side by side: black at chance, light at 1, as in J Fig 2 and S Fig 1."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...analyzer.atomic_write import write_atomically
from ...analyzer.errors import import_optional

Scores = Mapping[tuple[int, int], float]
NARROWEST = 2.6  # inches, so that captions do not meet
LIGHT = 0.85  # accuracy above which a cell's number is written in black


def draw(
    panels: Sequence[Sequence[tuple[str, Scores]]],
    path: Path,
    *,
    title: str,
    lowest: float = 0.5,
) -> None:
    """Write the picture: a row of panels for each sequence, each panel with its caption.

    Args:
        panels: rows of (caption, accuracy by width and depth); cells that are missing stay white.
        path: the png file, written whole or not at all.
        title: over all panels.
        lowest: accuracy that is black.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    matplotlib = import_optional("matplotlib", package="matplotlib", task="drawing")
    figures = import_optional("matplotlib.figure", package="matplotlib", task="drawing")
    cells = {cell for row in panels for _, scores in row for cell in scores}
    widths, depths = sorted({width for width, _ in cells}), sorted({depth for _, depth in cells})
    columns = max(map(len, panels))
    size = (
        max(0.42 * len(depths), NARROWEST) * columns + 1.5,
        0.34 * len(widths) * len(panels) + 1.1 * len(panels) + 0.6,
    )
    figure = figures.Figure(figsize=size, layout="constrained")
    figure.suptitle(title)
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
    with write_atomically(path) as part:
        figure.savefig(part, format="png", dpi=110)


def _panel(axis: Any, caption: str, scores: Scores, *, widths: list[int], depths: list[int], norm: Any) -> None:
    table = [[scores.get((width, depth), float("nan")) for depth in depths] for width in widths]
    axis.imshow(table, norm=norm, cmap="magma", aspect="auto", origin="lower")
    axis.set_title(caption, fontsize=9)
    axis.set_xticks(range(len(depths)), depths, fontsize=7)
    axis.set_yticks(range(len(widths)), widths, fontsize=7)
    for row, line in enumerate(table):
        for column, score in enumerate(line):
            if score == score:  # noqa: PLR0124 - not a missing cell
                ink = "black" if score > LIGHT else "white"
                axis.text(column, row, _short(score), ha="center", va="center", fontsize=6.5, color=ink)


def _short(score: float) -> str:
    """Two digits without the leading zero; 1 is told from what only rounds to it.

    >>> _short(0.517647), _short(1.0), _short(0.998)
    ('.52', '1', '.99')
    """
    return "1" if score >= 1 else f".{min(round(score * 100), 99):02d}"
