"""Recipes write their numbers and pictures, go on where they stopped, and stand beside the published numbers."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from click.testing import CliRunner, Result

from relucid.analyzer.errors import DataError, MissingDependencyError, OptionError
from relucid.plugins.torch.separation.separation import Separation
from relucid.trainers.recipes import RECIPES, RunConfig, find_recipe, heatmap
from relucid.trainers.recipes.grids import comparison, mnist, moons
from relucid.trainers.recipes.grids.cells import Cell, append_cells, read_cells
from relucid.trainers.recipes.grids.moons_grid import DEPTHS, WIDTHS, Grid, first_net, train_grid
from relucid.trainers.recipes.grids.squared_deficits import IMAGE_AXES, formula_of
from relucid.trainers.recipes.methods import METHODS, method
from relucid.trainers.recipes.published import read_published
from relucid.trainers.reproduce import command

SMALL = Grid((method("relu"), method("sep-up")), widths=(1, 2), depths=(1, 3), epochs=3)


def cell(**changed) -> Cell:
    values = {"method": "relu", "arch": "conv21", "width": 3, "depth": 10, "seed": 10, "samples": 85, "epochs": 5}
    scores = {"train_best": 0.9, "train_best_epoch": 3, "train_last": 0.8}
    scores |= {"val_best": 0.7, "val_best_epoch": 4, "val_last": 0.6}
    return Cell(**(values | scores | changed))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def test_cells_come_back_from_the_file(tmp_path):
    path, rows = tmp_path / "deep" / "cells.csv", [cell(), cell(width=4, train_best=1 / 3)]
    assert read_cells(path) == []
    append_cells(path, rows[:1])
    append_cells(path, rows[1:])
    assert read_cells(path) == [rows[0], cell(width=4, train_best=0.333333)]


@pytest.mark.parametrize(
    ("damage", "message"),
    [(lambda text: "a,b\n" + text, "columns"), (lambda text: text + "relu,conv21,3", "line 3")],
)
def test_files_of_another_kind_are_refused(damage, message, tmp_path):
    path = tmp_path / "cells.csv"
    append_cells(path, [cell()])
    path.write_text(damage(path.read_text()))
    with pytest.raises(DataError, match=message):
        read_cells(path)


def test_a_stopped_grid_goes_on_where_it_stopped(tmp_path):
    whole = train_grid(SMALL, tmp_path / "whole.csv")
    lines = (tmp_path / "whole.csv").read_text().splitlines()
    assert len(lines) == 1 + len(whole) == 9
    (tmp_path / "part.csv").write_text("\n".join([*lines[:4], *lines[6:]]) + "\n")
    told = []
    again = train_grid(SMALL, tmp_path / "part.csv", told=told.append)
    assert sorted(again, key=lambda cell: cell.key) == sorted(whole, key=lambda cell: cell.key)
    assert sum(told) == SMALL.steps
    assert (tmp_path / "part.csv").read_text().splitlines()[:6] == [*lines[:4], *lines[6:]][:6]


def test_a_grid_leaves_torch_as_it_was(tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    state = torch.get_rng_state()
    try:
        train_grid(SMALL, tmp_path / "cells.csv")
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.tensor(1e-40) * 1 != 0


def test_a_cells_first_weights_are_its_own():
    """Whatever is trained beside it; but for its width, depth and seed no two are alike."""
    kernels = [
        first_net("conv21", method("relu"), width, depth, seed).layers[0].affine.weight.flatten()[:2]
        for width, depth, seed in ((3, 10, 10), (3, 10, 10), (3, 20, 10), (4, 10, 10), (3, 10, 11))
    ]
    assert torch.equal(kernels[0], kernels[1])
    assert not any(torch.equal(kernels[0], other) for other in kernels[2:])


def test_quick_moons_shows_the_point_on_fewer_epochs(tmp_path):
    """At chance without constraints, and learning with them, already after a fraction of the quick run's epochs."""
    pytest.importorskip("matplotlib")
    result = run("moons", "--quick", "--epochs", 400, "--depths", "10,30", "--out", tmp_path)
    rows = [line.split() for line in result.output.splitlines()[1:-1]]
    best = {(row[0], row[1], int(row[3])): float(row[4]) for row in rows}
    assert best["relu", "conv21", 30] == best["relu", "dense", 30] == 0.518
    assert best["sep-up", "conv21", 30] > 0.85
    assert (tmp_path / "moons.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(read_cells(tmp_path / "moons.csv")) == 8


def test_the_full_moons_grid_is_the_published_one():
    (grid,) = moons.grids(RunConfig(out=Path()))
    assert len(grid.widths) * len(grid.depths) == 117
    assert (grid.widths, grid.depths, grid.epochs, grid.seeds) == (WIDTHS, DEPTHS, 5000, (10,))
    assert [known.name for known in grid.methods] == ["relu", "sep-up"]
    assert moons.steps(RunConfig(out=Path())) == 2 * 9 * 5000


@pytest.mark.parametrize("name", [known.name for known in METHODS])
def test_every_method_trains_a_few_steps(name, tmp_path):
    for arch in ("conv21", "dense"):
        grid = Grid((method(name),), arch, widths=(2,), depths=(1, 4), epochs=4)
        assert all(0 < cell.train_best <= 1 for cell in train_grid(grid, tmp_path / "cells.csv"))


def write_mnist(folder: Path) -> Path:
    """Images whose class is the one bright row."""
    generator = np.random.default_rng(0)
    for part, count in (("train", 160), ("test", 40)):
        labels = generator.integers(0, 10, count)
        images = generator.integers(0, 30, (count, 28, 28))
        images[np.arange(count), 2 * labels + 4] = 255
        np.savez(folder / f"mnist_{part}.npz", images=images.astype(np.uint8), labels=labels)
    return folder


def test_mnist_trains_both_methods_and_goes_on(tmp_path):
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


def test_mnist_minimises_the_published_penalty():
    """lambda 1e-8 times the sum of squares over every pixel of every channel and of every sample; the plugin agrees."""
    how, generator = method("sep-up"), torch.Generator().manual_seed(0)
    x, total = torch.rand(5, 1, 28, 28, generator=generator), 0.0
    net, other = (mnist.first_net(how, 2, 2, 10) for _ in range(2))
    fast = mnist.ImagePenalty(net, formula_of(how, IMAGE_AXES, compiled=False), mnist.STRENGTH)
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


def test_judging_is_not_penalised():
    how = method("sep-up")
    net = mnist.first_net(how, 2, 1, 10)
    fast = mnist.ImagePenalty(net, formula_of(how, IMAGE_AXES, compiled=False), 1.0)
    x = torch.rand(2, 1, 28, 28)
    with torch.no_grad():
        net(x)
    net(x)
    once = fast()
    net(x)
    assert once.item() == fast().item() > 0


def test_mnist_says_what_it_wants(tmp_path):
    with pytest.raises(OptionError, match="--data"):
        run("mnist", "--out", tmp_path)
    with pytest.raises(OptionError, match="sep-up-zero"):
        run("mnist", "--methods", "sep-up-zero", "--data", tmp_path)


def test_recipes_are_listed_and_found():
    assert all(name in run().output for name in RECIPES)
    assert {name for name in RECIPES if find_recipe(name).run} == set(RECIPES)
    with pytest.raises(OptionError, match="moons, mnist"):
        run("cifar")
    with pytest.raises(OptionError, match="relu, relu-bn"):
        run("moons", "--methods", "sep-x")


def test_without_torch_recipes_are_listed_and_say_what_they_want(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "moons" in run().output
    with pytest.raises(MissingDependencyError, match="pip install torch"):
        run("moons")


def test_a_device_or_a_folder_that_cannot_be_is_one_line(tmp_path):
    with pytest.raises(OptionError, match="--device: wanted one that torch can use here, as cpu, got 'tpu9'"):
        run("moons", "--quick", "--out", tmp_path, "--device", "tpu9")
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match=r"--out: cannot make the folder .*; choose another place"):
        run("moons", "--quick", "--out", tmp_path / "file" / "deeper")


def test_numbers_apart_by_commas_are_checked():
    assert "x>=1" in run("moons", "--widths", "1,0").output


def test_published_numbers_are_read(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text(
        "method,width,depth,metric,value,source\nrelu,3,10,train_acc,1.0,csv\nrelu,3,25,val_acc,<=0.60,png\n"
    )
    known = read_published(path)
    assert known == {("relu", 3, 10, "train_acc"): 1.0, ("relu", 3, 25, "val_acc"): 0.6}
    lines = comparison.table([cell(), cell(arch="dense")], known)
    assert [line.split()[-1] for line in lines[1:]] == ["1.000", "-"]
    ((caption, ours), (other, theirs)) = comparison.panels([cell()], known, "train_best")
    assert (ours, theirs) == ({(3, 10): 0.9}, {(3, 10): 1.0})
    assert ("conv21" in caption, "published" in other) == (True, True)


@pytest.mark.parametrize("text", ["method,width\n", "method,width,depth,metric,value\nrelu,3,x,train_acc,1\n"])
def test_other_files_are_no_published_numbers(text, tmp_path):
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(DataError, match=r"other\.csv"):
        read_published(tmp_path / "other.csv")


def test_shares_and_means_of_seeds():
    cells = [cell(seed=1, train_best=1.0), cell(seed=2, train_best=0.5), cell(depth=20, train_best=0.95)]
    ours = comparison.scores(cells, "train_best")
    assert ours == {(3, 10): 0.75, (3, 20): 0.95}
    assert comparison.shares(ours, {}, 0.9) == "1/2"


def test_published_shares_of_the_moons_grid(shared_data):
    """The shares the published grids are known for come out of the published files."""
    known = read_published(shared_data.parent / "results" / "moons_long.csv")
    grid = dict.fromkeys(((width, depth) for width in WIDTHS for depth in DEPTHS), 0.0)
    for name, count in (("relu", 14), ("sep-u", 32), ("sep-p", 26), ("sep-up", 49), ("sep-up-zero", 33)):
        theirs = comparison.published_scores(known, name, "val_best", grid)
        assert comparison.shares(grid, theirs, 0.9) == f"0/117, published {count}/117"


def test_pictures_want_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match="pip install matplotlib"):
        heatmap.draw([[("one", {(1, 1): 0.5})]], tmp_path / "picture.png", title="")
    assert not list(tmp_path.iterdir())


def test_the_committed_moons_numbers_are_the_whole_grid_and_what_the_readme_says():
    folder = Path(__file__).resolve().parents[2] / "docs" / "reproductions" / "moons"
    cells = read_cells(folder / "moons.csv")
    text = (folder / "README.md").read_text()
    for name in ("relu", "sep-up"):
        ours = comparison.scores([cell for cell in cells if cell.method == name], "val_best")
        assert set(ours) == {(width, depth) for width in WIDTHS for depth in DEPTHS}
        assert f"{sum(score >= 0.9 for score in ours.values())} of 117" in text
    with (folder / "moons.csv").open() as file:
        assert {row["epochs"] for row in csv.DictReader(file)} == {"5000"}
