"""J Fig 2 and S Fig 1, 4, 5: on MOONS plain ReLU nets stop training at depth 20 or 30, with Sep-UP they do not."""

from collections.abc import Callable, Mapping, Sequence

from ..heatmap import draw
from ..methods import method
from ..published import Key, read_published
from ..recipe import Recipe, RunConfig
from .cells import Cell
from .comparison import METRICS, panels, published_scores, scores, shares, table
from .moons_grid import DEPTHS, EPOCHS, WIDTHS, Arch, Grid, train_grid

DEFAULT = ("relu", "sep-up")
QUICK_WIDTHS, QUICK_DEPTHS, QUICK_EPOCHS = (3,), (10, 20, 30, 40, 50, 60), 2000
COMPILED_FROM = 2000  # epochs a stack must have for the compiler's half minute to pay


def grids(order: RunConfig) -> tuple[Grid, ...]:
    """The published grid with the published nets; when quick, one width of it, and the same with dense nets."""
    methods = tuple(method(name) for name in order.methods or DEFAULT)
    epochs = order.epochs or (QUICK_EPOCHS if order.quick else EPOCHS)
    archs: tuple[Arch, ...] = ("conv21", "dense") if order.quick else ("conv21",)
    return tuple(
        Grid(
            methods,
            arch,
            widths=order.widths or (QUICK_WIDTHS if order.quick else WIDTHS),
            depths=order.depths or (QUICK_DEPTHS if order.quick else DEPTHS),
            seeds=(order.seed,),
            epochs=epochs,
            device=order.device,
            compiled=epochs > COMPILED_FROM,
        )
        for arch in archs
    )


def steps(order: RunConfig) -> int:
    """Epochs of all stacks."""
    return sum(grid.steps for grid in grids(order))


def run(order: RunConfig, told: Callable[[int], None]) -> list[str]:
    """Train what is missing in moons.csv, draw moons.png, and say how it compares."""
    published = {} if order.published is None else read_published(order.published)
    order.out.mkdir(parents=True, exist_ok=True)
    numbers, picture = order.out / "moons.csv", order.out / "moons.png"
    cells = [cell for grid in grids(order) for cell in train_grid(grid, numbers, told=told)]
    draw(
        [panels(cells, published, metric) for metric in METRICS],
        picture,
        title=f"MOONS: accuracy of the best of {cells[0].epochs} epochs",
    )
    told_cells = table(cells, published) if order.quick else summary(cells, published)
    return [*told_cells, f"{numbers} and {picture} are written."]


def summary(cells: Sequence[Cell], published: Mapping[Key, float]) -> list[str]:
    """For each method the share of cells that reach .9 and 1, in training and in validation."""
    lines = []
    for name in dict.fromkeys(cell.method for cell in cells):
        for metric, theirs in METRICS.items():
            ours = scores([cell for cell in cells if cell.method == name], metric)
            known = published_scores(published, name, metric, ours)
            lines += [
                f"{name}: {theirs} at least {at_least}: {shares(ours, known, at_least)}" for at_least in (0.9, 1.0)
            ]
    return lines


RECIPE = Recipe(steps, run)
