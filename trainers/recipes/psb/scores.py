"""Scores of single passes, as rows of psb.csv; their means, and Table 4.2 with the published accuracies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..mean import Mean
from ..results_csv import append_rows, four_decimals, read_published_rows, read_rows, six_decimals, write_table


@dataclass(frozen=True)
class Score:
    """Result of a network in one pass over the images.

    Args:
        part: the figure or table.
        net: name of the network, with the settings of its training.
        case: label of the model that was made from it.
        base: samples of the first pass of attention; 0 without attention.
        samples: n; 0 in float.
        seed: seed of the pass.
        images: number of images.
        coverage: share of positions inside the attention masks; 1 without attention.
        accuracy: share of correctly classified images.
        error: root mean square error of the scores, divided by that of the float scores.
    """

    part: str
    net: str
    case: str
    base: int
    samples: int
    seed: int
    images: int
    coverage: float
    accuracy: float
    error: float

    @property
    def key(self) -> tuple[str, str, str, int, int, int, int]:
        """The settings of the pass, without its results."""
        return (self.part, self.net, self.case, self.base, self.samples, self.seed, self.images)


def read_scores(path: Path) -> list[Score]:
    """Read the scores of a file, see `results_csv.read_rows`."""
    return read_rows(path, Score)


def append_scores(path: Path, scores: Iterable[Score]) -> None:
    """Append scores to a file."""
    append_rows(path, Score, scores, number=six_decimals)


def average_scores(scores: Iterable[Score], *by: str) -> dict[tuple[str | int, ...], Mean]:
    """Return the mean accuracy of the rows that agree in these columns, in the order of the rows."""
    rows: dict[tuple[str | int, ...], list[float]] = {}
    for score in scores:
        rows.setdefault(tuple(getattr(score, name) for name in by), []).append(score.accuracy)
    return {key: Mean.of(accuracies) for key, accuracies in rows.items()}


COLUMNS = ("experiment", "setting", "precision", "top1_pct")
PUBLISHED = {
    "baseline": ("baseline", ""),
    "pruning 25%": ("pruning", "25%"),
    "pruning 50%": ("pruning", "50%"),
    "discrete p 4-bit": ("discrete_p", "4-bit"),
    "discrete p 2-bit": ("discrete_p", "2-bit"),
    "discrete p 1-bit": ("discrete_p", "1-bit"),
    "attention entropy": ("attention", "entropy"),
    "attention random, as entropy": ("attention", "random 37% (34% in text/code)"),
    "attention entropy+margin": ("attention", "entropy+margin"),
    "attention random, as margin": ("attention", "random 76%"),
    "combined entropy": ("combined", ""),
    "combined entropy+margin": ("combined", ""),
}
"""Experiment and setting of each case in the published table."""


def write_comparison(scores: Sequence[Score], published: Mapping[tuple[str, str, str], str], path: Path) -> list[str]:
    """Write the rows of Table 4.2 with the published accuracies as a csv file, and return them as a text table."""
    rows = [score for score in scores if score.part == "table4_2"]
    lines = [f"{'case':<30} {'precision':>9} {'coverage':>8} {'ours':>12} {'published':>9}"]
    table = []
    for (case, base, samples), mean in average_scores(rows, "case", "base", "samples").items():
        coverages = [row.coverage for row in rows if (row.case, row.base, row.samples) == (case, base, samples)]
        coverage = sum(coverages) / len(coverages)
        precision = precision_of(int(base), int(samples))
        theirs = published.get((*PUBLISHED.get(str(case), (str(case), "")), precision), "")
        table.append([case, precision, coverage, mean.mean, mean.deviation, theirs])
        lines.append(f"{case:<30} {precision:>9} {coverage:>8.2f} {mean!s:>12} {theirs or '-':>9}")
    columns = ("case", "precision", "coverage", "accuracy", "deviation", "published")
    write_table(path, columns, table, number=four_decimals)
    return lines


def precision_of(base: int, samples: int) -> str:
    """Name a precision as the thesis does: psb k for 2^k samples, psb j/k for 2^j, and 2^k inside the mask.

    >>> precision_of(0, 0), precision_of(0, 16), precision_of(2, 32)
    ('float32', 'psb4', 'psb1/5')
    """
    if not samples:
        return "float32"
    return f"psb{base.bit_length() - 1}/{samples.bit_length() - 1}" if base else f"psb{samples.bit_length() - 1}"


def read_published_table(path: Path) -> dict[tuple[str, str, str], str]:
    """Read the published accuracies as (experiment, setting, precision) to per cent.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    return {
        (row["experiment"], row["setting"], row["precision"]): row["top1_pct"]
        for row in read_published_rows(path, COLUMNS)
    }
