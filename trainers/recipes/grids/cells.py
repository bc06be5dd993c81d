"""Results of one trained net of a depth x width grid, as a row of the grid's csv file."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..results_csv import append_rows, read_rows, six_decimals


@dataclass(frozen=True)
class Cell:
    """Best and last accuracy of one net; the best training and validation epoch may differ, as in the papers.

    Epochs are counted from 0; `samples` is the number of training samples.
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
        """The settings of the training, without its results."""
        return (self.method, self.arch, self.width, self.depth, self.seed, self.samples, self.epochs)


def read_cells(path: Path) -> list[Cell]:
    """Read the cells of a file, see `results_csv.read_rows`."""
    return read_rows(path, Cell)


def append_cells(path: Path, cells: Iterable[Cell]) -> None:
    """Append cells to a file."""
    append_rows(path, Cell, cells, number=six_decimals)
