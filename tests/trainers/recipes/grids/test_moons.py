"""The MOONS grid and recipe: cells, continuing a stopped run, the published grid."""

import csv
from pathlib import Path

import pytest

pytest.importorskip("torch")
import torch
from click.testing import CliRunner, Result

from relucid.trainers.recipes import RunConfig
from relucid.trainers.recipes.grids import comparison, moons
from relucid.trainers.recipes.grids.cells import read_cells
from relucid.trainers.recipes.grids.moons_grid import DEPTHS, WIDTHS, MoonsGrid, build_net, train_grid
from relucid.trainers.recipes.methods import METHODS, find_method
from relucid.trainers.reproduce import command

SMALL = MoonsGrid((find_method("relu"), find_method("sep-up")), widths=(1, 2), depths=(1, 3), epochs=3)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def test_a_stopped_grid_continues(tmp_path):
    whole = train_grid(SMALL, tmp_path / "whole.csv")
    lines = (tmp_path / "whole.csv").read_text().splitlines()
    assert len(lines) == 1 + len(whole) == 9
    (tmp_path / "part.csv").write_text("\n".join([*lines[:4], *lines[6:]]) + "\n")
    advanced = []
    again = train_grid(SMALL, tmp_path / "part.csv", advance=advanced.append)
    assert sorted(again, key=lambda cell: cell.key) == sorted(whole, key=lambda cell: cell.key)
    assert sum(advanced) == SMALL.steps
    assert (tmp_path / "part.csv").read_text().splitlines()[:6] == [*lines[:4], *lines[6:]][:6]


def test_a_grid_restores_the_settings_of_torch(tmp_path):
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


def test_the_weights_of_a_cell_depend_only_on_its_settings():
    """They depend on width, depth and seed, and on nothing else that is trained."""
    kernels = [
        build_net("conv21", find_method("relu"), width, depth, seed).layers[0].affine.weight.flatten()[:2]
        for width, depth, seed in ((3, 10, 10), (3, 10, 10), (3, 20, 10), (4, 10, 10), (3, 10, 11))
    ]
    assert torch.equal(kernels[0], kernels[1])
    assert not any(torch.equal(kernels[0], other) for other in kernels[2:])


def test_quick_moons_shows_the_effect_in_fewer_epochs(tmp_path):
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
    (grid,) = moons.make_grids(RunConfig(out=Path()))
    assert len(grid.widths) * len(grid.depths) == 117
    assert (grid.widths, grid.depths, grid.epochs, grid.seeds) == (WIDTHS, DEPTHS, 5000, (10,))
    assert [known.name for known in grid.methods] == ["relu", "sep-up"]
    assert moons.steps(RunConfig(out=Path())) == 2 * 9 * 5000


@pytest.mark.parametrize("name", [known.name for known in METHODS])
def test_every_method_trains_a_few_steps(name, tmp_path):
    for arch in ("conv21", "dense"):
        grid = MoonsGrid((find_method(name),), arch, widths=(2,), depths=(1, 4), epochs=4)
        assert all(0 < cell.train_best <= 1 for cell in train_grid(grid, tmp_path / "cells.csv"))


def test_the_committed_moons_numbers_are_the_whole_grid_and_what_the_readme_says():
    folder = Path(__file__).resolve().parents[4] / "docs" / "reproductions" / "moons"
    cells = read_cells(folder / "moons.csv")
    text = (folder / "README.md").read_text()
    for name in ("relu", "sep-up"):
        ours = comparison.mean_accuracies([cell for cell in cells if cell.method == name], "val_best")
        assert set(ours) == {(width, depth) for width in WIDTHS for depth in DEPTHS}
        assert f"{sum(score >= 0.9 for score in ours.values())} of 117" in text
    with (folder / "moons.csv").open() as file:
        assert {row["epochs"] for row in csv.DictReader(file)} == {"5000"}
