"""The published numbers, where the reader has them as files: one accuracy for each method, width, depth and metric."""

import csv
from pathlib import Path

from ...analyzer.errors import DataError

Key = tuple[str, int, int, str]

COLUMNS = ("method", "width", "depth", "metric", "value")


def read_published(path: Path) -> dict[Key, float]:
    """The table as (method, width, depth, train_acc | val_acc) to accuracy.

    Numbers that were read back from pictures whose colours end at .60 stand as "<=0.60" and are taken as the bound.

    Args:
        path: a csv file with the columns method, width, depth, metric and value, others ignored.

    Raises:
        DataError: it cannot be read, or lacks a column.
    """
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            if not set(COLUMNS) <= set(reader.fieldnames or ()):
                raise DataError(f"{path}: wanted the columns {', '.join(COLUMNS)}; came {reader.fieldnames}")
            return {_key(row): float(row["value"].removeprefix("<=")) for row in reader if row["width"]}
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as published numbers ({error})") from error


def _key(row: dict[str, str]) -> Key:
    return row["method"], int(row["width"]), int(row["depth"]), row["metric"]
