"""Published accuracies, if the user has them as a file: one per method, width, depth and metric."""

from pathlib import Path

from ...analyzer.errors import DataError
from .results_csv import read_published_rows

Key = tuple[str, int, int, str]

COLUMNS = ("method", "width", "depth", "metric", "value")


def read_published(path: Path) -> dict[Key, float]:
    """Read the table as (method, width, depth, train_acc | val_acc) to accuracy.

    Numbers read off pictures whose colours end at .60 are written "<=0.60" and read as that bound.

    Args:
        path: a csv file with the columns method, width, depth, metric and value; further columns are ignored.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    try:
        rows = [row for row in read_published_rows(path, COLUMNS) if row["width"]]
        return {_key(row): float(row["value"].removeprefix("<=")) for row in rows}
    except ValueError as error:
        raise DataError(f"{path}: expected a csv file of published numbers, got {error}; check the file") from error


def _key(row: dict[str, str]) -> Key:
    return row["method"], int(row["width"]), int(row["depth"]), row["metric"]
