"""The MNIST recipe: its penalty, continuing a stopped run, missing options."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from click.testing import CliRunner, Result

from relucid.analyzer.errors import OptionError
from relucid.plugins.torch.separation.separation import Separation
from relucid.trainers.recipes.grids import mnist
from relucid.trainers.recipes.grids.cells import read_cells
from relucid.trainers.recipes.grids.fused_penalty import IMAGE_AXES, make_formula
from relucid.trainers.recipes.methods import find_method
from relucid.trainers.reproduce import command


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def write_mnist(folder: Path) -> Path:
    """Images whose class is the one bright row."""
    generator = np.random.default_rng(0)
    for part, count in (("train", 160), ("test", 40)):
        labels = generator.integers(0, 10, count)
        images = generator.integers(0, 30, (count, 28, 28))
        images[np.arange(count), 2 * labels + 4] = 255
        np.savez(folder / f"mnist_{part}.npz", images=images.astype(np.uint8), labels=labels)
    return folder


def test_mnist_trains_both_methods_and_continues(tmp_path):
    pytest.importorskip("matplotlib")
    options = ("mnist", "--data", write_mnist(tmp_path), "--widths", 2, "--depths", "1,2", "--out", tmp_path / "out")
    first = run(*options, "--epochs", 2, "--methods", "relu,sep-up")
    cells = read_cells(tmp_path / "out" / "mnist.csv")
    assert [(cell.method, cell.depth, cell.samples, cell.epochs) for cell in cells] == [
        (name, depth, 160, 2) for name in ("relu", "sep-up") for depth in (1, 2)
    ]
    assert (tmp_path / "out" / "mnist.png").stat().st_size > 1000
    assert run(*options, "--epochs", 2, "--methods", "relu,sep-up").output == first.output
    assert read_cells(tmp_path / "out" / "mnist.csv") == cells
    assert "sep-up: val_acc above 0.5" in first.output


def test_mnist_minimizes_the_published_penalty():
    """lambda 1e-8 times the sum of squares over every pixel of every channel and of every sample; the plugin agrees."""
    how, generator = find_method("sep-up"), torch.Generator().manual_seed(0)
    x, total = torch.rand(5, 1, 28, 28, generator=generator), 0.0
    net, other = (mnist.build_net(how, 2, 2, 10) for _ in range(2))
    fast = mnist.attach_penalty(net, make_formula(how, IMAGE_AXES, compiled=False), mnist.STRENGTH)
    slow = Separation(other, strength=1e-8, aggregation="sumsq", conv_units="position", ties="shared")
    net(x), other(x)
    ours, theirs = fast(), slow.penalty()
    with torch.no_grad():
        h = x
        for layer in net.layers:
            z = layer.affine(h)
            for axis in (0, 1):
                merged = 0.5 * (1 - z.amax(axis)).clamp(min=0) + 0.5 * (1 + z.amin(axis)).clamp(min=0)
                total += 1e-8 * merged.square().sum().item()
            h = z.relu()
    assert ours.item() == pytest.approx(total, rel=1e-5)
    assert theirs.item() == pytest.approx(total, rel=1e-5)
    pairs = ((ours, net), (theirs, other))
    gradients = [torch.autograd.grad(value, list(which.layers.parameters())) for value, which in pairs]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-10)


def test_evaluation_is_not_penalized():
    how = find_method("sep-up")
    net = mnist.build_net(how, 2, 1, 10)
    fast = mnist.attach_penalty(net, make_formula(how, IMAGE_AXES, compiled=False), 1.0)
    x = torch.rand(2, 1, 28, 28)
    with torch.no_grad():
        net(x)
    net(x)
    once = fast()
    net(x)
    assert once.item() == fast().item() > 0


def test_mnist_names_missing_data_and_unsupported_methods(tmp_path):
    with pytest.raises(OptionError, match="--data"):
        run("mnist", "--out", tmp_path)
    with pytest.raises(OptionError, match="sep-up-zero"):
        run("mnist", "--methods", "sep-up-zero", "--data", tmp_path)
