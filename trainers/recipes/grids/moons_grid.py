"""The MOONS grid: all depths and seeds of one width are trained as one stack, row by row of the table."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from ...datasets.moons import moons
from ...nets.rectangular import Rectangular, conv21, dense
from ...nets.stacked_nets import StackedNets
from ..methods import Method
from ..rng import cell_generator
from .cells import Cell, append_cells, read_cells
from .stacked_training import train_stack

if TYPE_CHECKING:
    from ...nets.inits import Init

Arch = Literal["conv21", "dense"]
DEPTHS = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120)
WIDTHS = (1, 2, 3, 4, 5, 10, 15, 20, 25)
POINTS, EPOCHS, LEARNING_RATE, STRENGTH = 85, 5000, 0.01, 1e-4


@dataclass(frozen=True)
class Grid:
    """What is trained: every method at every width, depth and seed.

    Args:
        methods: how.
        arch: `conv21`, the nets of the published runs, or `dense`.
        widths: units of a hidden layer.
        depths: hidden layers.
        seeds: of the first weights; each cell draws its own from seed, width and depth.
        epochs: steps of Adam on all 85 points.
        compiled: whether the penalty is fused by `torch.compile`.
        device: where.
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
        """Epochs of all stacks."""
        return len(self.methods) * len(self.widths) * self.epochs


def train_grid(grid: Grid, path: Path, *, told: Callable[[int], None] = lambda _: None) -> list[Cell]:
    """Every cell of the grid; those in the file are taken from there, the others trained and written as they come.

    Args:
        grid: what is trained.
        path: the csv file.
        told: called with 1 after every epoch of a stack, or with all its epochs if none of it is missing.
    """
    with _alone():
        for method in grid.methods:
            for width in grid.widths:
                done = {cell.key for cell in read_cells(path)}
                missing = [
                    (depth, seed)
                    for depth in grid.depths
                    for seed in grid.seeds
                    if (method.name, grid.arch, width, depth, seed, POINTS, grid.epochs) not in done
                ]
                if missing:
                    append_cells(path, train_width(grid, method, width, missing, told=lambda _: told(1)))
                else:
                    told(grid.epochs)
    return [cell for cell in read_cells(path) if _asked(cell, grid)]


@contextmanager
def _alone() -> Iterator[None]:
    """One thread, as products this small only wait for more; and no subnormal numbers, which deep nets are full of."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def train_width(
    grid: Grid, method: Method, width: int, cells: Sequence[tuple[int, int]], *, told: Callable[[int], None]
) -> list[Cell]:
    """One stack: nets of one width, for each a depth and a seed."""
    order = sorted(cells, reverse=True)
    nets = StackedNets([first_net(grid.arch, method, width, depth, seed) for depth, seed in order]).to(grid.device)
    device = torch.device(grid.device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(order[0][1])  # of the dropout masks
        train, val = train_stack(
            nets,
            moons(),
            method=method,
            strength=STRENGTH,
            epochs=grid.epochs,
            learning_rate=LEARNING_RATE,
            compiled=grid.compiled,
            told=told,
        )
    made = [
        Cell(method.name, grid.arch, width, depth, seed, POINTS, grid.epochs, *train.of(net), *val.of(net))
        for net, (depth, seed) in enumerate(order)
    ]
    return sorted(made, key=lambda cell: (cell.depth, cell.seed))


def first_net(arch: Arch, method: Method, width: int, depth: int, seed: int) -> Rectangular:
    """A cell's net before training; its weights depend on seed, width and depth alone."""
    init: Init = "zero" if method.zero else "glorot"
    with cell_generator(seed, width, depth) as generator:
        if arch == "conv21":
            return conv21(width, depth, init=init, batch_norm=method.batch_norm, generator=generator)
        return dense(2, width, depth, 1, init=init, batch_norm=method.batch_norm, generator=generator)


def _asked(cell: Cell, grid: Grid) -> bool:
    return (
        cell.method in {method.name for method in grid.methods}
        and (cell.arch, cell.epochs) == (grid.arch, grid.epochs)
        and cell.width in grid.widths
        and cell.depth in grid.depths
        and cell.seed in grid.seeds
    )
