"""Cell results: one row per trained net of a depth x width grid, kept in a csv file that a stopped run goes on from."""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import get_type_hints

from ....analyzer.errors import DataError


@dataclass(frozen=True)
class Cell:
    """One net's scores, best epoch and last; the best in training and in validation are two epochs, as in the papers.

    Epochs are counted from 0; `samples` are those trained on.
    """

    method: str
    arch: str
    width: int
    depth: int
    seed: int
    samples: int
    epochs: int
    train_best: float
    train_best_epoch: int
    train_last: float
    val_best: float
    val_best_epoch: int
    val_last: float

    @property
    def key(self) -> tuple[str, str, int, int, int, int, int]:
        """What was trained on how much, without how well."""
        return (self.method, self.arch, self.width, self.depth, self.seed, self.samples, self.epochs)


def read_cells(path: Path) -> list[Cell]:
    """The rows of a file; none if there is no file.

    Raises:
        DataError: the file has other columns, or a row that cannot be read.
    """
    if not path.exists():
        return []
    names = [field.name for field in fields(Cell)]
    kinds = get_type_hints(Cell).values()
    with path.open(newline="") as file:
        reader = csv.reader(file)
        if next(reader, None) != names:
            raise DataError(f"{path}: the columns {', '.join(names)} are needed; give another --out or remove the file")
        try:
            return [Cell(*(kind(text) for kind, text in zip(kinds, row, strict=True))) for row in reader]
        except ValueError as error:
            raise DataError(
                f"{path}, line {reader.line_num}: {error}; remove that line to train its net again"
            ) from error


def append_cells(path: Path, cells: Iterable[Cell]) -> None:
    """Write rows behind those that are there; accuracies with six digits."""
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow([field.name for field in fields(Cell)])
        for cell in cells:
            writer.writerow([round(value, 6) if isinstance(value, float) else value for value in asdict(cell).values()])
