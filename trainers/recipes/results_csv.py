"""Results in csv files: rows of a dataclass that a stopped recipe appends to, and tables that are written at once."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from ...analyzer.atomic_write import write_atomically
from ...analyzer.errors import DataError

Columns = Mapping[str, Callable[[str], Any]]
"""Names of columns, each with the type that parses its texts."""

Number = Callable[[float], object]
"""Formats a floating-point number."""

Row = TypeVar("Row")


def six_decimals(value: float) -> float:
    """Round to six decimals, for shares."""
    return round(value, 6)


def four_decimals(value: float) -> float:
    """Round to four decimals, for per cent."""
    return round(value, 4)


def six_digits(value: float) -> str:
    """Format with six significant digits.

    >>> six_digits(1 / 30)
    '0.0333333'
    """
    return f"{value:.6g}"


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Read all rows of a file as instances of a dataclass; none if the file does not exist.

    Raises:
        DataError: the file has other columns, or a row that cannot be parsed.
    """
    return [kind(*values) for values in read_values(path, columns_of(kind))]


def append_rows(path: Path, kind: type[Row], rows: Iterable[Row], *, number: Number) -> None:
    """Append instances of a dataclass to a file, see `append_values`."""
    append_values(path, columns_of(kind), [astuple(row) for row in rows], number=number)  # type: ignore[call-overload]


def columns_of(kind: type) -> Columns:
    """Return the fields of a dataclass as columns.

    >>> from .recipe import RunConfig
    >>> columns_of(RunConfig)["seed"]
    <class 'int'>
    """
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def read_values(path: Path, columns: Columns) -> list[list[Any]]:
    """Read all rows of a file as lists of values; none if the file does not exist.

    Raises:
        DataError: the file has other columns, or a row that cannot be parsed.
    """
    if not path.exists():
        return []
    with path.open(newline="") as file:
        reader = csv.reader(file)
        header = next(reader, None)
        if header != list(columns):
            raise DataError(
                f"{path}: expected the columns {', '.join(columns)}, got {header}; "
                "pass another --out or remove the file"
            )
        try:
            return [[parse(text) for parse, text in zip(columns.values(), row, strict=True)] for row in reader]
        except ValueError as error:
            raise DataError(
                f"{path}, line {reader.line_num}: {error}; remove the lines of that run to repeat it"
            ) from error


def append_values(path: Path, columns: Iterable[str], rows: Iterable[Sequence[object]], *, number: Number) -> None:
    """Append rows to a file; create it, with its folder and header, if it does not exist.

    Args:
        path: the csv file.
        columns: names of the columns.
        rows: values in the order of the columns.
        number: formats floats.
    """
    lines = [] if path.exists() else [columns]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([*lines, *_format(rows, number)])


def write_table(
    path: Path, columns: Iterable[str], rows: Iterable[Sequence[object]], *, number: Number = float
) -> None:
    """Write a csv file atomically, replacing an existing one; for the arguments see `append_values`."""
    with write_atomically(path) as part, part.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *_format(rows, number)])


def read_published_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a csv file of published numbers as dictionaries; it may have further columns.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            if not set(columns) <= set(reader.fieldnames or ()):
                raise DataError(
                    f"{path}: expected the columns {', '.join(columns)}, got {reader.fieldnames}; correct the header"
                )
            return list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a csv file of published numbers, got {error}; check the file") from error


def _format(rows: Iterable[Sequence[object]], number: Number) -> list[list[object]]:
    return [[number(value) if isinstance(value, float) else value for value in row] for row in rows]
