"""J Table 1 and S Fig 2: on MNIST thin convolutional nets fail to train from depth 16 or 28 on, Sep-UP nets train."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from ....analyzer.errors import OptionError
from ...datasets.labelled import Labelled, Split
from ...datasets.mnist import load_mnist
from ...loop import Epoch, train
from ...nets.rectangular import Rectangular, conv
from ..heatmap import draw_heatmaps
from ..methods import METHODS, Method, find_method
from ..published import Key, read_published
from ..recipe import RunConfig
from ..rng import cell_generator
from .cells import Cell, append_cells, read_cells
from .comparison import METRICS, compare_methods, format_shares, format_table, make_panels
from .fused_penalty import IMAGE_AXES, Formula, make_formula, penalty
from .stacked_training import ADAM_EPS

DEFAULT = ("relu", "sep-up")
WIDTHS, DEPTHS = (2, 8), (2, 12, 24, 44, 68)  # published: 2, 4, 8 and 2, 4, 8, 12, ... 68
EPOCHS, LEARNING_RATE, BATCH, STRENGTH = 50, 1e-3, 1024, 1e-8
QUICK_WIDTHS, QUICK_DEPTHS, QUICK_EPOCHS, QUICK_SAMPLES = (2,), (2, 24), 30, 10_240
ARCH, SIZE, CLASSES = "conv33", 28, 10
COMPILED_FROM = 200  # steps of a net above which half a minute of compiling pays off
SUCCESSFUL = 0.5  # accuracy above which the published table counts a net as trained


def list_cells(config: RunConfig) -> list[tuple[Method, int, int]]:
    """Return method, width and depth of each net.

    Raises:
        OptionError: a method that is unknown or has no published MNIST runs.
    """
    methods = [find_method(name) for name in config.methods or DEFAULT]
    unsupported = [known.name for known in methods if known.zero]
    if unsupported:
        supported = ", ".join(known.name for known in METHODS if not known.zero)
        raise OptionError(f"methods of mnist: expected some of {supported}, got {', '.join(unsupported)}")
    widths = config.widths or (QUICK_WIDTHS if config.quick else WIDTHS)
    depths = config.depths or (QUICK_DEPTHS if config.quick else DEPTHS)
    return [(method, width, depth) for method in methods for width in widths for depth in depths]


def steps(config: RunConfig) -> int:
    """Return the number of epochs of all nets."""
    return len(list_cells(config)) * _epochs(config)


def run(config: RunConfig, advance: Callable[[int], None]) -> list[str]:
    """Train the nets missing in mnist.csv, draw mnist.png, and return the comparison with the published ones.

    Raises:
        OptionError: no data set was given.
    """
    if config.data is None:
        raise OptionError(
            "--data: expected a folder with mnist_train.npz and mnist_test.npz or the four idx files, "
            "got none; pass the folder"
        )
    published = {} if config.published is None else read_published(config.published)
    settings, data = list_cells(config), _limit(load_mnist(config.data), config)
    config.out.mkdir(parents=True, exist_ok=True)
    numbers, picture = config.out / "mnist.csv", config.out / "mnist.png"
    keys = []
    for method, width, depth in settings:
        done = {cell.key for cell in read_cells(numbers)}
        key = (method.name, ARCH, width, depth, config.seed, len(data.train), _epochs(config))
        keys.append(key)
        if key in done:
            advance(_epochs(config))
        else:
            append_cells(numbers, [train_cell(config, data, method, width, depth, advance=advance)])
    cells = sorted((cell for cell in read_cells(numbers) if cell.key in keys), key=lambda cell: keys.index(cell.key))
    title = f"MNIST: accuracy of the best of {_epochs(config)} epochs on {len(data.train)} images"
    draw_heatmaps([make_panels(cells, published, metric) for metric in METRICS], picture, title=title, lowest=0.1)
    return [*format_table(cells, published), *summarize(cells, published), f"{numbers} and {picture} are written."]


def train_cell(
    config: RunConfig, data: Split, method: Method, width: int, depth: int, *, advance: Callable[[int], None]
) -> Cell:
    """Train one net, evaluate it after every epoch, and return its cell."""
    net = build_net(method, width, depth, config.seed).to(config.device)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 7 times faster
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE, eps=ADAM_EPS)
    steps_of_net = _epochs(config) * -(-len(data.train) // BATCH)
    formula = make_formula(method, IMAGE_AXES, compiled=steps_of_net >= COMPILED_FROM)
    strength = STRENGTH if method.strength is None else method.strength
    epochs: list[Epoch] = []
    for epoch in train(
        net,
        data,
        optimizer=optimizer,
        epochs=_epochs(config),
        batch=BATCH,
        penalty=None if formula is None else attach_penalty(net, formula, strength),
    ):
        epochs.append(epoch)
        advance(1)
    best = max(epochs, key=lambda epoch: epoch.train_accuracy)
    best_val = max(epochs, key=lambda epoch: epoch.val_accuracy)
    return Cell(
        method=method.name,
        arch=ARCH,
        width=width,
        depth=depth,
        seed=config.seed,
        samples=len(data.train),
        epochs=len(epochs),
        train_best=best.train_accuracy,
        train_best_epoch=best.number,
        train_last=epochs[-1].train_accuracy,
        val_best=best_val.val_accuracy,
        val_best_epoch=best_val.number,
        val_last=epochs[-1].val_accuracy,
    )


def build_net(method: Method, width: int, depth: int, seed: int) -> Rectangular:
    """Build an untrained net: 3 x 3 convolutions that keep 28 x 28, flattened into the head."""
    with cell_generator(seed, width, depth) as generator:
        return conv(
            1,
            SIZE,
            width,
            depth,
            CLASSES,
            head="flatten",
            init="glorot",
            batch_norm=method.batch_norm,
            generator=generator,
        )


def summarize(cells: Sequence[Cell], published: Mapping[Key, float]) -> list[str]:
    """Return the rows of J Table 1 for these cells: how many trained, and the best accuracies."""
    lines = []
    for name, label, ours, theirs in compare_methods(cells, published):
        best = f", published {max(theirs.values()):.4f}" if theirs else ""
        trained = format_shares(ours, theirs, SUCCESSFUL)
        lines.append(f"{name}: {label} above {SUCCESSFUL}: {trained}; best {max(ours.values()):.4f}{best}")
    return lines


def attach_penalty(net: Rectangular, formula: Formula, strength: float) -> Callable[[], Tensor]:
    """Penalize the input of every ReLU of a net in forwards with gradients.

    Args:
        net: the net, which gets forward hooks.
        formula: penalty of one ReLU's input.
        strength: lambda.

    Returns:
        A function that returns the penalty of the forwards since its last call, for `loop.train`.
    """
    penalties: list[Tensor] = []

    def add(_: nn.Module, arguments: tuple[Tensor]) -> None:
        if torch.is_grad_enabled():
            penalties.append(penalty(arguments[0], formula))

    def total() -> Tensor:
        value = strength * torch.stack(penalties).sum()
        penalties.clear()
        return value

    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_pre_hook(add)
    return total


def _limit(data: Split, config: RunConfig) -> Split:
    samples = config.limit or (QUICK_SAMPLES if config.quick else len(data.train))
    val_samples = min(samples, len(data.val))
    return Split(
        Labelled(data.train.x[:samples], data.train.y[:samples]),
        Labelled(data.val.x[:val_samples], data.val.y[:val_samples]),
    )


def _epochs(config: RunConfig) -> int:
    return config.epochs or (QUICK_EPOCHS if config.quick else EPOCHS)
