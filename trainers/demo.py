"""Trains the demo network, a small residual ReLU network on the UCI digits, and writes it with held-out digits.

Run as `python -m relucid.trainers.demo`. No weight is set by hand: momentum SGD at a slightly too high rate leaves some
units dead in every run, and in about half of the runs a bias before a residual sum grows until a unit after it is
linear. The seed is the first of 0, 1, 2 ... for which both happen.

Held-out digits with a pre-activation so close to 0 that rounding could decide its sign are left out, so that every
processor counts the same patterns.
"""

import copy
from collections import OrderedDict
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from ..analyzer import demo
from .datasets.labelled import Labelled, Split

SEED = 1
SPLIT_SEED = 0
HELD_OUT = 597
EPOCHS = 30
BATCH = 32
LEARNING_RATE = 0.06
MOMENTUM = 0.9
WEIGHT_DECAY = 1e-3  # of the weights; biases do not decay
MARGIN = 4e-6  # smallest |z| of a kept digit, relative to its site's largest; float32 errs by up to 5e-7 of that
OPSET = 18
IR_VERSION = 10  # the newest that runtimes of 2024 can read
MODULE_PATH = "pkg.torch.onnx.name_scopes"


class ResidualBlock(nn.Module):
    """Two convolutions and an identity shortcut; the second ReLU is applied to their sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.relu2 = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map features (sample, channel, row, column) to features of the same shape."""
        out: torch.Tensor = self.relu2(x + self.conv2(self.relu1(self.conv1(x))))
        return out


class DigitsNet(nn.Module):
    """Stem, residual block at 8 x 8, halving, residual block at 4 x 4, one hidden dense layer: seven ReLUs."""

    def __init__(self, fine: int = 8, coarse: int = 16, hidden: int = 32, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, fine, 3, padding=1), relu=nn.ReLU()))
        self.fine = ResidualBlock(fine)
        self.halve = nn.Sequential(OrderedDict(conv=nn.Conv2d(fine, coarse, 3, stride=2, padding=1), relu=nn.ReLU()))
        self.coarse = ResidualBlock(coarse)
        self.hidden = nn.Sequential(OrderedDict(dense=nn.Linear(coarse * 4 * 4, hidden), relu=nn.ReLU()))
        self.classes = nn.Linear(hidden, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images (sample, 1, 8, 8) to logits (sample, class)."""
        features = self.coarse(self.halve(self.fine(self.stem(image))))
        logits: torch.Tensor = self.classes(self.hidden(features.flatten(1)))
        return logits


def load_split() -> Split:
    """Load the UCI digits (sample, 1, 8, 8) in [0, 1]; both parts have the same class proportions."""
    pixels, labels = load_digits(return_X_y=True)
    image = (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    labels = labels.astype(np.int64)
    parts = train_test_split(image, labels, test_size=HELD_OUT, random_state=SPLIT_SEED, stratify=labels)
    return Split(Labelled(parts[0], parts[2]), Labelled(parts[1], parts[3]))


def train(data: Labelled, *, epochs: int = EPOCHS, seed: int = SEED) -> DigitsNet:
    """Train a network; seed, number of threads and torch version determine the weights bit for bit."""
    image, labels = torch.from_numpy(data.x), torch.from_numpy(data.y)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = DigitsNet()
        weights = [parameter for parameter in net.parameters() if parameter.dim() > 1]
        biases = [parameter for parameter in net.parameters() if parameter.dim() == 1]
        groups: list[dict[str, Any]] = [{"params": weights, "weight_decay": WEIGHT_DECAY}, {"params": biases}]
        optimizer = torch.optim.SGD(groups, lr=LEARNING_RATE, momentum=MOMENTUM)
        for _ in range(epochs):
            for batch in torch.randperm(len(image)).split(BATCH):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(image[batch]), labels[batch]).backward()
                optimizer.step()
    return net.eval()


def compute_preactivations(net: DigitsNet, data: Labelled) -> list[NDArray[np.float64]]:
    """Return the pre-activations of each ReLU (sample, value), in order of execution, in double precision."""
    taps: list[NDArray[np.float64]] = []
    double = copy.deepcopy(net).double()
    for module in double.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_pre_hook(lambda _, args: taps.append(args[0].flatten(1).numpy().copy()))
    with torch.no_grad():
        double(torch.from_numpy(data.x).double())
    return taps


def keep_decisive(net: DigitsNet, data: Labelled) -> Labelled:
    """Keep the digits whose pre-activations are all at least `MARGIN` times the site's largest away from 0."""
    nearest = np.min([np.abs(z).min(axis=1) / np.abs(z).max() for z in compute_preactivations(net, data)], axis=0)
    return Labelled(data.x[nearest >= MARGIN], data.y[nearest >= MARGIN])


def accuracy(net: DigitsNet, data: Labelled) -> float:
    """Return the share of correctly classified images."""
    with torch.no_grad():
        predicted = net(torch.from_numpy(data.x)).argmax(1).numpy()
    return float((predicted == data.y).mean())


def export(net: DigitsNet, path: Path) -> None:
    """Export the network as ONNX with a dynamic batch axis, and with the module path of each node.

    Other metadata of the exporter is removed, since it contains paths of the exporting machine.
    """
    example = torch.zeros(2, 1, 8, 8)
    program = torch.onnx.export(
        net,
        (example,),
        dynamo=True,
        opset_version=OPSET,
        output_names=["logits"],
        dynamic_shapes={"image": {0: torch.export.Dim("sample")}},
        verbose=False,
    )
    assert program is not None, "the dynamo exporter returns a program"  # noqa: S101
    model = program.model
    model.ir_version = IR_VERSION
    for node in model.graph:
        module_path = node.metadata_props[MODULE_PATH]
        node.metadata_props.clear()
        node.metadata_props[MODULE_PATH] = module_path
    program.save(path)


def make_demo(folder: Path) -> tuple[DigitsNet, Labelled]:
    """Write `digits.onnx` and `digits.npz` to a folder; return the trained network and the held-out digits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the order of summation depends on the number of threads
    try:
        digits = load_split()
        net = train(digits.train)
    finally:
        torch.set_num_threads(threads)
    held_out = keep_decisive(net, digits.val)
    export(net, folder / demo.model().name)
    np.savez(folder / demo.data().name, image=held_out.x, labels=held_out.y)
    return net, held_out


@click.command()
@click.option("--out", type=click.Path(file_okay=False, exists=True, path_type=Path), default=demo.model().parent)
def main(out: Path) -> None:
    """Train the demo network and write digits.onnx and digits.npz."""
    net, held_out = make_demo(out)
    click.echo(f"{out}: accuracy on {len(held_out)} held-out digits {accuracy(net, held_out):.4f}")


if __name__ == "__main__":
    main()
