"""J Fig 2 and S Fig 1, 4, 5: on MOONS plain ReLU nets fail to train from depth 20 or 30 on, Sep-UP nets train."""

from collections.abc import Callable, Mapping, Sequence

from ..heatmap import draw_heatmaps
from ..methods import find_method
from ..published import Key, read_published
from ..recipe import RunConfig
from .cells import Cell
from .comparison import METRICS, compare_methods, format_shares, format_table, make_panels
from .moons_grid import DEPTHS, EPOCHS, WIDTHS, Arch, MoonsGrid, train_grid

DEFAULT = ("relu", "sep-up")
QUICK_WIDTHS, QUICK_DEPTHS, QUICK_EPOCHS = (3,), (10, 20, 30, 40, 50, 60), 2000
COMPILED_FROM = 2000  # epochs of a stack above which half a minute of compiling pays off


def make_grids(config: RunConfig) -> tuple[MoonsGrid, ...]:
    """Return the published grid; in a quick run one width of it, and the same with dense nets."""
    methods = tuple(find_method(name) for name in config.methods or DEFAULT)
    epochs = config.epochs or (QUICK_EPOCHS if config.quick else EPOCHS)
    archs: tuple[Arch, ...] = ("conv21", "dense") if config.quick else ("conv21",)
    return tuple(
        MoonsGrid(
            methods,
            arch,
            widths=config.widths or (QUICK_WIDTHS if config.quick else WIDTHS),
            depths=config.depths or (QUICK_DEPTHS if config.quick else DEPTHS),
            seeds=(config.seed,),
            epochs=epochs,
            device=config.device,
            compiled=epochs > COMPILED_FROM,
        )
        for arch in archs
    )


def steps(config: RunConfig) -> int:
    """Return the number of epochs of all stacks."""
    return sum(grid.steps for grid in make_grids(config))


def run(config: RunConfig, advance: Callable[[int], None]) -> list[str]:
    """Train the nets missing in moons.csv, draw moons.png, and return the comparison with the published ones."""
    published = {} if config.published is None else read_published(config.published)
    config.out.mkdir(parents=True, exist_ok=True)
    numbers, picture = config.out / "moons.csv", config.out / "moons.png"
    cells = [cell for grid in make_grids(config) for cell in train_grid(grid, numbers, advance=advance)]
    draw_heatmaps(
        [make_panels(cells, published, metric) for metric in METRICS],
        picture,
        title=f"MOONS: accuracy of the best of {cells[0].epochs} epochs",
    )
    lines = format_table(cells, published) if config.quick else summarize(cells, published)
    return [*lines, f"{numbers} and {picture} are written."]


def summarize(cells: Sequence[Cell], published: Mapping[Key, float]) -> list[str]:
    """Return the share of cells that reach .9 and 1, for each method, in training and validation."""
    return [
        f"{name}: {label} at least {at_least}: {format_shares(ours, theirs, at_least)}"
        for name, label, ours, theirs in compare_methods(cells, published)
        for at_least in (0.9, 1.0)
    ]
