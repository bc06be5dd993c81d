"""The rows of Table 4.2 beside the published ones."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean, stdev
from typing import get_type_hints

from ....analyzer.atomic_write import write_atomically
from ....analyzer.errors import DataError


@dataclass(frozen=True)
class Score:
    """How a network did in one pass.

    Args:
        part: the figure or table it is for.
        net: which network, with how it was trained.
        case: what was done to it.
        base: samples of the first pass of attention; 0 without.
        samples: n; 0 in float.
        seed: of the pass.
        images: how many were judged.
        coverage: share of positions that attention looks at twice; 1 without.
        accuracy: share of images whose class is named.
        error: root mean square of what the scores are off those in float, over that of the scores in float.
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
        """What was done, without how well."""
        return (self.part, self.net, self.case, self.base, self.samples, self.seed, self.images)


def read_scores(path: Path) -> list[Score]:
    """The rows of a file; none if there is no file.

    Raises:
        DataError: the file has other columns, or a row that cannot be read.
    """
    if not path.exists():
        return []
    kinds = get_type_hints(Score)
    with path.open(newline="") as file:
        reader = csv.reader(file)
        if next(reader, None) != list(kinds):
            raise DataError(f"{path}: the columns {', '.join(kinds)} are needed; give another --out or remove the file")
        try:
            return [Score(*(kind(text) for kind, text in zip(kinds.values(), row, strict=True))) for row in reader]
        except ValueError as error:
            raise DataError(f"{path}, line {reader.line_num}: {error}; remove that line to judge it again") from error


def append_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write rows behind those that are there; shares with six digits."""
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow([field.name for field in fields(Score)])
        for score in scores:
            writer.writerow([round(v, 6) if isinstance(v, float) else v for v in asdict(score).values()])


@dataclass(frozen=True)
class Mean:
    """Mean and standard deviation of an accuracy over seeds, in per cent; the deviation of one seed is 0.

    >>> str(Mean.of([0.5, 0.52]))
    '51.0 ± 1.4'
    >>> str(Mean.of([0.5]))
    '50.0'
    """

    mean: float
    deviation: float
    count: int

    @classmethod
    def of(cls, accuracies: Sequence[float]) -> "Mean":
        """Of accuracies between 0 and 1."""
        shares = [100 * accuracy for accuracy in accuracies]
        return cls(fmean(shares), stdev(shares) if len(shares) > 1 else 0.0, len(shares))

    def __str__(self) -> str:
        return f"{self.mean:.1f} ± {self.deviation:.1f}" if self.count > 1 else f"{self.mean:.1f}"


def means(scores: Iterable[Score], *by: str) -> dict[tuple[str | int, ...], Mean]:
    """Mean accuracy of the rows that agree in these columns, in the rows' order."""
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


def table(scores: Sequence[Score], published: dict[tuple[str, str, str], str], path: Path) -> list[str]:
    """Write the rows of Table 4.2 beside the published ones, and tell them."""
    rows = [score for score in scores if score.part == "table4_2"]
    lines = [f"{'case':<30} {'precision':>9} {'coverage':>8} {'ours':>12} {'published':>9}"]
    with write_atomically(path) as part, part.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["case", "precision", "coverage", "accuracy", "deviation", "published"])
        for (case, base, samples), mean in means(rows, "case", "base", "samples").items():
            coverages = [row.coverage for row in rows if (row.case, row.base, row.samples) == (case, base, samples)]
            coverage = sum(coverages) / len(coverages)
            precision = precision_of(int(base), int(samples))
            theirs = published.get((*PUBLISHED.get(str(case), (str(case), "")), precision), "")
            writer.writerow([case, precision, *(round(v, 4) for v in (coverage, mean.mean, mean.deviation)), theirs])
            lines.append(f"{case:<30} {precision:>9} {coverage:>8.2f} {mean!s:>12} {theirs or '-':>9}")
    return lines


def precision_of(base: int, samples: int) -> str:
    """What the thesis calls it: psb k for 2^k samples, psb j/k for 2^j and then, where attention looks, 2^k.

    >>> precision_of(0, 0), precision_of(0, 16), precision_of(2, 32)
    ('float32', 'psb4', 'psb1/5')
    """
    if not samples:
        return "float32"
    return f"psb{base.bit_length() - 1}/{samples.bit_length() - 1}" if base else f"psb{samples.bit_length() - 1}"


def read_table(path: Path) -> dict[tuple[str, str, str], str]:
    """The published accuracies as (experiment, setting, precision) to per cent.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            if not set(COLUMNS) <= set(reader.fieldnames or ()):
                raise DataError(f"{path}: wanted the columns {', '.join(COLUMNS)}; came {reader.fieldnames}")
            return {(row["experiment"], row["setting"], row["precision"]): row["top1_pct"] for row in reader}
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as published numbers ({error})") from error
