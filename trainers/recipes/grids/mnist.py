"""J Table 1 and S Fig 2: thin convolutional nets on MNIST stop training at depth 16 or 28, with Sep-UP they do not."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from ....analyzer.errors import OptionError
from ...datasets.labelled import Labelled, Split
from ...datasets.mnist import mnist
from ...loop import Epoch, train
from ...nets.rectangular import Rectangular, conv
from ..heatmap import draw
from ..methods import METHODS, Method, method
from ..published import Key, read_published
from ..recipe import Recipe, RunConfig
from ..rng import cell_generator
from .cells import Cell, append_cells, read_cells
from .comparison import METRICS, panels, published_scores, scores, shares, table
from .squared_deficits import IMAGE_AXES, Formula, formula_of, penalty

DEFAULT = ("relu", "sep-up")
WIDTHS, DEPTHS = (2, 8), (2, 12, 24, 44, 68)  # of the published 2, 4, 8 and 2, 4, 8, 12, ... 68
EPOCHS, LEARNING_RATE, BATCH, STRENGTH = 50, 1e-3, 1024, 1e-8
QUICK_WIDTHS, QUICK_DEPTHS, QUICK_EPOCHS, QUICK_SAMPLES = (2,), (2, 24), 30, 10_240
ADAM_EPS = 1e-7  # Keras' default
ARCH, SIZE, CLASSES = "conv33", 28, 10
COMPILED_FROM = 200  # steps a net must have for the compiler's half minute to pay
SUCCESSFUL = 0.5  # training accuracy that the published table counts as trained


def cells(order: RunConfig) -> list[tuple[Method, int, int]]:
    """Method, width and depth of what is trained.

    Raises:
        OptionError: a method that this recipe does not know how to train.
    """
    methods = [method(name) for name in order.methods or DEFAULT]
    unable = [known.name for known in methods if known.zero]
    if unable:
        able = ", ".join(known.name for known in METHODS if not known.zero)
        raise OptionError(f"mnist was not published with {', '.join(unable)}; choose of {able}")
    widths = order.widths or (QUICK_WIDTHS if order.quick else WIDTHS)
    depths = order.depths or (QUICK_DEPTHS if order.quick else DEPTHS)
    return [(how, width, depth) for how in methods for width in widths for depth in depths]


def steps(order: RunConfig) -> int:
    """Epochs of all nets."""
    return len(cells(order)) * _epochs(order)


def run(order: RunConfig, told: Callable[[int], None]) -> list[str]:
    """Train what is missing in mnist.csv, draw mnist.png, and say how it compares.

    Raises:
        OptionError: no data were given.
    """
    if order.data is None:
        raise OptionError("mnist wants --data: a folder with mnist_train.npz and mnist_test.npz or the four idx files")
    published = {} if order.published is None else read_published(order.published)
    wanted, data = cells(order), _limited(mnist(order.data), order)
    order.out.mkdir(parents=True, exist_ok=True)
    numbers, picture = order.out / "mnist.csv", order.out / "mnist.png"
    keys = []
    for how, width, depth in wanted:
        done = {cell.key for cell in read_cells(numbers)}
        key = (how.name, ARCH, width, depth, order.seed, len(data.train), _epochs(order))
        keys.append(key)
        if key in done:
            told(_epochs(order))
        else:
            append_cells(numbers, [train_cell(order, data, how, width, depth, told=told)])
    made = sorted((cell for cell in read_cells(numbers) if cell.key in keys), key=lambda cell: keys.index(cell.key))
    title = f"MNIST: accuracy of the best of {_epochs(order)} epochs on {len(data.train)} images"
    draw([panels(made, published, metric) for metric in METRICS], picture, title=title, lowest=0.1)
    return [*table(made, published), *summary(made, published), f"{numbers} and {picture} are written."]


def train_cell(
    order: RunConfig, data: Split, how: Method, width: int, depth: int, *, told: Callable[[int], None]
) -> Cell:
    """One net, trained and judged after every epoch."""
    net = first_net(how, width, depth, order.seed).to(order.device)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 7 times faster
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE, eps=ADAM_EPS)
    steps_of_net = _epochs(order) * -(-len(data.train) // BATCH)
    formula = formula_of(how, IMAGE_AXES, compiled=steps_of_net >= COMPILED_FROM)
    strength = STRENGTH if how.strength is None else how.strength
    epochs: list[Epoch] = []
    for epoch in train(
        net,
        data,
        optimizer=optimizer,
        epochs=_epochs(order),
        batch=BATCH,
        penalty=None if formula is None else ImagePenalty(net, formula, strength),
    ):
        epochs.append(epoch)
        told(1)
    best = max(epochs, key=lambda epoch: epoch.train_accuracy)
    judged = max(epochs, key=lambda epoch: epoch.val_accuracy)
    return Cell(
        method=how.name,
        arch=ARCH,
        width=width,
        depth=depth,
        seed=order.seed,
        samples=len(data.train),
        epochs=len(epochs),
        train_best=best.train_accuracy,
        train_best_epoch=best.number,
        train_last=epochs[-1].train_accuracy,
        val_best=judged.val_accuracy,
        val_best_epoch=judged.number,
        val_last=epochs[-1].val_accuracy,
    )


def first_net(how: Method, width: int, depth: int, seed: int) -> Rectangular:
    """A net before training: 3 x 3 convolutions that keep 28 x 28, flattened into the head."""
    with cell_generator(seed, width, depth) as generator:
        return conv(
            1,
            SIZE,
            width,
            depth,
            CLASSES,
            head="flatten",
            init="glorot",
            batch_norm=how.batch_norm,
            generator=generator,
        )


def summary(made: Sequence[Cell], published: Mapping[Key, float]) -> list[str]:
    """The rows of J Table 1 for the cells at hand: how many trained, and the best accuracies."""
    lines = []
    for name in dict.fromkeys(cell.method for cell in made):
        for metric, theirs in METRICS.items():
            ours = scores([cell for cell in made if cell.method == name], metric)
            known = published_scores(published, name, metric, ours)
            best = f", published {max(known.values()):.4f}" if known else ""
            trained = shares(ours, known, SUCCESSFUL)
            lines.append(f"{name}: {theirs} above {SUCCESSFUL}: {trained}; best {max(ours.values()):.4f}{best}")
    return lines


class ImagePenalty:
    """Adds up the penalty of every ReLU's input while a net runs, until it is asked for: `loop.train`'s `penalty`.

    Args:
        net: whose forwards with gradients are watched.
        formula: what is penalised.
        strength: lambda.
    """

    def __init__(self, net: Rectangular, formula: Formula, strength: float) -> None:
        self._formula = formula
        self._strength = strength
        self._seen: list[Tensor] = []
        for module in net.modules():
            if isinstance(module, nn.ReLU):
                module.register_forward_pre_hook(self._see)

    def __call__(self) -> Tensor:
        """The penalty of the forwards since the last call."""
        total = self._strength * torch.stack(self._seen).sum()
        self._seen.clear()
        return total

    def _see(self, module: nn.Module, arguments: tuple[Tensor]) -> None:
        del module
        if torch.is_grad_enabled():
            self._seen.append(penalty(arguments[0], self._formula))


def _limited(data: Split, order: RunConfig) -> Split:
    samples = order.limit or (QUICK_SAMPLES if order.quick else len(data.train))
    judged = min(samples, len(data.val))
    return Split(
        Labelled(data.train.x[:samples], data.train.y[:samples]), Labelled(data.val.x[:judged], data.val.y[:judged])
    )


def _epochs(order: RunConfig) -> int:
    return order.epochs or (QUICK_EPOCHS if order.quick else EPOCHS)


RECIPE = Recipe(steps, run)
