"""The rows of Table 4.2 beside the published ones."""

import csv
from collections.abc import Sequence
from pathlib import Path

from ...analyzer.atomic_write import write_atomically
from ...analyzer.errors import DataError
from .psb_scores import Score, means

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
