"""Compares cells with the published ones: as a text table, as panels of a heat map, as shares."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..heatmap import Scores
from ..published import Key
from .cells import Cell

METRICS = {"train_best": "train_acc", "val_best": "val_acc"}
"""Our names of the best epoch's accuracies, and those of the published files."""

UNPUBLISHED = {"dense"}
"""Architectures without published numbers."""


def format_table(cells: Iterable[Cell], published: Mapping[Key, float], *, metric: str = "train_best") -> list[str]:
    """Format one line per cell: accuracy of the best and the last epoch, and the published best.

    >>> cell = Cell("relu", "conv21", 3, 30, 10, 85, 5000, 0.517647, 1, 0.517647, 0.4, 1, 0.4)
    >>> format_table([cell], {("relu", 3, 30, "train_acc"): 0.517647})[-1].split()
    ['relu', 'conv21', '3', '30', '.518', '.518', '.518']
    """
    lines = [f"{'method':<15} {'net':<7} {'width':>5} {'depth':>5} {'best':>7} {'last':>7} {'published':>10}"]
    for cell in cells:
        key = (cell.method, cell.width, cell.depth, METRICS[metric])
        known = None if cell.arch in UNPUBLISHED else published.get(key)
        last = getattr(cell, metric.replace("best", "last"))
        lines.append(
            f"{cell.method:<15} {cell.arch:<7} {cell.width:>5} {cell.depth:>5} "
            f"{format_accuracy(getattr(cell, metric)):>7} {format_accuracy(last):>7} "
            f"{'-' if known is None else format_accuracy(known):>10}"
        )
    return lines


def mean_accuracies(cells: Iterable[Cell], metric: str) -> dict[tuple[int, int], float]:
    """Return the accuracy by width and depth, averaged over seeds."""
    rows: dict[tuple[int, int], list[float]] = {}
    for cell in cells:
        rows.setdefault((cell.width, cell.depth), []).append(getattr(cell, metric))
    return {key: sum(values) / len(values) for key, values in rows.items()}


def select_published(published: Mapping[Key, float], method: str, metric: str, like: Scores) -> Scores:
    """Return the published accuracies of the cells in `like`."""
    found = {key: published.get((method, *key, METRICS[metric])) for key in like}
    return {key: value for key, value in found.items() if value is not None}


def compare_methods(cells: Sequence[Cell], published: Mapping[Key, float]) -> Iterator[tuple[str, str, Scores, Scores]]:
    """Yield method, published name of the metric, our accuracies and the published ones, for each method and metric."""
    for name in dict.fromkeys(cell.method for cell in cells):
        for metric, label in METRICS.items():
            ours = mean_accuracies([cell for cell in cells if cell.method == name], metric)
            yield name, label, ours, select_published(published, name, metric, ours)


def make_panels(cells: Sequence[Cell], published: Mapping[Key, float], metric: str) -> list[tuple[str, Scores]]:
    """Return one panel per method and architecture, each followed by the published one if there is one."""
    part = "training" if metric.startswith("train") else "validation"
    line: list[tuple[str, Scores]] = []
    for method, arch in dict.fromkeys((cell.method, cell.arch) for cell in cells):
        ours = mean_accuracies([cell for cell in cells if (cell.method, cell.arch) == (method, arch)], metric)
        line.append((f"{method}, {arch}, {part}", ours))
        theirs = select_published(published, method, metric, ours)
        if theirs and arch not in UNPUBLISHED:
            line.append((f"{method}, published, {part}", theirs))
    return line


def format_shares(ours: Scores, theirs: Scores, at_least: float) -> str:
    """Format how many cells reach an accuracy, ours and published.

    >>> format_shares({(1, 1): 0.95, (1, 10): 0.5}, {(1, 1): 1.0, (1, 10): 0.9}, 0.9)
    '1/2, published 2/2'
    """
    counts = [f"{sum(value >= at_least - 1e-6 for value in cells.values())}/{len(cells)}" for cells in (ours, theirs)]
    return f"{counts[0]}, published {counts[1]}" if theirs else counts[0]


def format_accuracy(score: float) -> str:
    """Format with three digits and no leading zero.

    >>> format_accuracy(0.517647), format_accuracy(1.0)
    ('.518', '1.000')
    """
    return f"{score:.3f}".removeprefix("0")
