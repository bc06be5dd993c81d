"""Cells beside the published ones: tables as text, panels for the picture."""

from collections.abc import Iterable, Mapping, Sequence

from ..heatmap import Scores
from ..published import Key
from .cells import Cell

METRICS = {"train_best": "train_acc", "val_best": "val_acc"}
"""What we call the best epoch's accuracies, and what the published files do."""

UNPUBLISHED = {"dense"}
"""Nets of which there are no published numbers."""


def table(cells: Iterable[Cell], published: Mapping[Key, float], *, metric: str = "train_best") -> list[str]:
    """One line per method, architecture, width and depth: best and last epoch, and the published best.

    >>> cell = Cell("relu", "conv21", 3, 30, 10, 85, 5000, 0.517647, 1, 0.517647, 0.4, 1, 0.4)
    >>> table([cell], {("relu", 3, 30, "train_acc"): 0.517647})[-1].split()
    ['relu', 'conv21', '3', '30', '.518', '.518', '.518']
    """
    lines = [f"{'method':<15} {'net':<7} {'width':>5} {'depth':>5} {'best':>7} {'last':>7} {'published':>10}"]
    for cell in cells:
        key = (cell.method, cell.width, cell.depth, METRICS[metric])
        known = None if cell.arch in UNPUBLISHED else published.get(key)
        last = getattr(cell, metric.replace("best", "last"))
        lines.append(
            f"{cell.method:<15} {cell.arch:<7} {cell.width:>5} {cell.depth:>5} "
            f"{number(getattr(cell, metric)):>7} {number(last):>7} {'-' if known is None else number(known):>10}"
        )
    return lines


def scores(cells: Iterable[Cell], metric: str) -> dict[tuple[int, int], float]:
    """Accuracy by width and depth; of several seeds the mean."""
    rows: dict[tuple[int, int], list[float]] = {}
    for cell in cells:
        rows.setdefault((cell.width, cell.depth), []).append(getattr(cell, metric))
    return {key: sum(values) / len(values) for key, values in rows.items()}


def published_scores(published: Mapping[Key, float], method: str, metric: str, like: Scores) -> Scores:
    """The published accuracies of those cells that we have."""
    found = {key: published.get((method, *key, METRICS[metric])) for key in like}
    return {key: value for key, value in found.items() if value is not None}


def panels(cells: Sequence[Cell], published: Mapping[Key, float], metric: str) -> list[tuple[str, Scores]]:
    """A panel for each method and architecture, the published one behind it where there is one."""
    part = "training" if metric.startswith("train") else "validation"
    line: list[tuple[str, Scores]] = []
    for method, arch in dict.fromkeys((cell.method, cell.arch) for cell in cells):
        ours = scores([cell for cell in cells if (cell.method, cell.arch) == (method, arch)], metric)
        line.append((f"{method}, {arch}, {part}", ours))
        theirs = published_scores(published, method, metric, ours)
        if theirs and arch not in UNPUBLISHED:
            line.append((f"{method}, published, {part}", theirs))
    return line


def shares(ours: Scores, theirs: Scores, at_least: float) -> str:
    """How many cells reach an accuracy, ours and published.

    >>> shares({(1, 1): 0.95, (1, 10): 0.5}, {(1, 1): 1.0, (1, 10): 0.9}, 0.9)
    '1/2, published 2/2'
    """
    counts = [f"{sum(value >= at_least - 1e-6 for value in cells.values())}/{len(cells)}" for cells in (ours, theirs)]
    return f"{counts[0]}, published {counts[1]}" if theirs else counts[0]


def number(score: float) -> str:
    """Three digits, without the zero in front.

    >>> number(0.517647), number(1.0)
    ('.518', '1.000')
    """
    return f"{score:.3f}".removeprefix("0")
