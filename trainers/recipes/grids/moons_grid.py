"""Trains the MOONS grid row by row: all depths and seeds of one width form one stack."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from ...datasets.moons import make_moons
from ...nets.rectangular import Rectangular, conv21, dense
from ...nets.stacked_nets import StackedNets
from ..methods import Method
from ..rng import cell_generator
from .cells import Cell, append_cells, read_cells
from .stacked_training import summarize_net, train_stack

if TYPE_CHECKING:
    from ...nets.inits import Init

Arch = Literal["conv21", "dense"]
DEPTHS = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120)
WIDTHS = (1, 2, 3, 4, 5, 10, 15, 20, 25)
TRAINING_POINTS, EPOCHS, LEARNING_RATE, STRENGTH = 85, 5000, 0.01, 1e-4


@dataclass(frozen=True)
class MoonsGrid:
    """A grid of trainings: every method at every width, depth and seed.

    Args:
        methods: training methods.
        arch: `conv21`, the nets of the published runs, or `dense`.
        widths: units of a hidden layer.
        depths: numbers of hidden layers.
        seeds: seeds of the weights; the weights of a cell depend on seed, width and depth.
        epochs: steps of Adam on all 85 points.
        compiled: whether to fuse the penalty by `torch.compile`.
        device: torch device to train on.
    """

    methods: tuple[Method, ...]
    arch: Arch = "conv21"
    widths: tuple[int, ...] = WIDTHS
    depths: tuple[int, ...] = DEPTHS
    seeds: tuple[int, ...] = (10,)
    epochs: int = EPOCHS
    compiled: bool = False
    device: str = "cpu"

    @property
    def steps(self) -> int:
        """Number of epochs of all stacks."""
        return len(self.methods) * len(self.widths) * self.epochs


def train_grid(grid: MoonsGrid, path: Path, *, advance: Callable[[int], None] = lambda _: None) -> list[Cell]:
    """Train the cells of the grid that are missing in the file, append them to it, and return all cells.

    Args:
        grid: the cells.
        path: the csv file.
        advance: called with 1 after every epoch of a stack, or with all its epochs if no cell of it is missing.
    """
    with _single_thread():
        for method in grid.methods:
            for width in grid.widths:
                done = {cell.key for cell in read_cells(path)}
                missing = [
                    (depth, seed)
                    for depth in grid.depths
                    for seed in grid.seeds
                    if (method.name, grid.arch, width, depth, seed, TRAINING_POINTS, grid.epochs) not in done
                ]
                if missing:
                    append_cells(path, train_width(grid, method, width, missing, advance=lambda _: advance(1)))
                else:
                    advance(grid.epochs)
    return [cell for cell in read_cells(path) if _belongs_to(cell, grid)]


@contextmanager
def _single_thread() -> Iterator[None]:
    """Use one thread, since more slow such small products down, and flush subnormal numbers, common in deep nets."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def train_width(
    grid: MoonsGrid, method: Method, width: int, cells: Sequence[tuple[int, int]], *, advance: Callable[[int], None]
) -> list[Cell]:
    """Train nets of one width as one stack, one net for each (depth, seed), and return their cells."""
    order = sorted(cells, reverse=True)
    nets = StackedNets([build_net(grid.arch, method, width, depth, seed) for depth, seed in order]).to(grid.device)
    device = torch.device(grid.device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(order[0][1])  # draws the dropout masks
        train, val = train_stack(
            nets,
            make_moons(),
            method=method,
            strength=STRENGTH,
            epochs=grid.epochs,
            learning_rate=LEARNING_RATE,
            compiled=grid.compiled,
            advance=advance,
        )
    trained = [
        Cell(
            *(method.name, grid.arch, width, depth, seed, TRAINING_POINTS, grid.epochs),
            *summarize_net(train[:, net]),
            *summarize_net(val[:, net]),
        )
        for net, (depth, seed) in enumerate(order)
    ]
    return sorted(trained, key=lambda cell: (cell.depth, cell.seed))


def build_net(arch: Arch, method: Method, width: int, depth: int, seed: int) -> Rectangular:
    """Build the untrained net of a cell; its weights depend only on seed, width and depth."""
    init: Init = "zero" if method.zero else "glorot"
    with cell_generator(seed, width, depth) as generator:
        if arch == "conv21":
            return conv21(width, depth, init=init, batch_norm=method.batch_norm, generator=generator)
        return dense(2, width, depth, 1, init=init, batch_norm=method.batch_norm, generator=generator)


def _belongs_to(cell: Cell, grid: MoonsGrid) -> bool:
    return (
        cell.method in {method.name for method in grid.methods}
        and (cell.arch, cell.epochs) == (grid.arch, grid.epochs)
        and cell.width in grid.widths
        and cell.depth in grid.depths
        and cell.seed in grid.seeds
    )
