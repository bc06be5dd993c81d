"""Cells in csv files, and their comparison with the published numbers."""

import sys

import pytest

pytest.importorskip("torch")

from relucid.analyzer.errors import DataError, MissingDependencyError
from relucid.trainers.recipes import heatmap
from relucid.trainers.recipes.grids import comparison
from relucid.trainers.recipes.grids.cells import Cell, append_cells, read_cells
from relucid.trainers.recipes.grids.moons_grid import DEPTHS, WIDTHS
from relucid.trainers.recipes.published import read_published


def cell(**changed) -> Cell:
    values = {"method": "relu", "arch": "conv21", "width": 3, "depth": 10, "seed": 10, "samples": 85, "epochs": 5}
    scores = {"train_best": 0.9, "train_best_epoch": 3, "train_last": 0.8}
    scores |= {"val_best": 0.7, "val_best_epoch": 4, "val_last": 0.6}
    return Cell(**(values | scores | changed))


def test_cells_survive_a_round_trip(tmp_path):
    path, rows = tmp_path / "deep" / "cells.csv", [cell(), cell(width=4, train_best=1 / 3)]
    assert read_cells(path) == []
    append_cells(path, rows[:1])
    append_cells(path, rows[1:])
    assert read_cells(path) == [rows[0], cell(width=4, train_best=0.333333)]


def test_published_numbers_are_read(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text(
        "method,width,depth,metric,value,source\nrelu,3,10,train_acc,1.0,csv\nrelu,3,25,val_acc,<=0.60,png\n"
    )
    known = read_published(path)
    assert known == {("relu", 3, 10, "train_acc"): 1.0, ("relu", 3, 25, "val_acc"): 0.6}
    lines = comparison.format_table([cell(), cell(arch="dense")], known)
    assert [line.split()[-1] for line in lines[1:]] == ["1.000", "-"]
    ((caption, ours), (other, theirs)) = comparison.make_panels([cell()], known, "train_best")
    assert (ours, theirs) == ({(3, 10): 0.9}, {(3, 10): 1.0})
    assert ("conv21" in caption, "published" in other) == (True, True)


@pytest.mark.parametrize("text", ["method,width\n", "method,width,depth,metric,value\nrelu,3,x,train_acc,1\n"])
def test_other_files_are_refused_as_published_numbers(text, tmp_path):
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(DataError, match=r"other\.csv"):
        read_published(tmp_path / "other.csv")


def test_shares_and_means_of_seeds():
    cells = [cell(seed=1, train_best=1.0), cell(seed=2, train_best=0.5), cell(depth=20, train_best=0.95)]
    ours = comparison.mean_accuracies(cells, "train_best")
    assert ours == {(3, 10): 0.75, (3, 20): 0.95}
    assert comparison.format_shares(ours, {}, 0.9) == "1/2"


def test_published_shares_of_the_moons_grid(shared_data):
    """The shares the published grids are known for come out of the published files."""
    known = read_published(shared_data.parent / "results" / "moons_long.csv")
    grid = dict.fromkeys(((width, depth) for width in WIDTHS for depth in DEPTHS), 0.0)
    for name, count in (("relu", 14), ("sep-u", 32), ("sep-p", 26), ("sep-up", 49), ("sep-up-zero", 33)):
        theirs = comparison.select_published(known, name, "val_best", grid)
        assert comparison.format_shares(grid, theirs, 0.9) == f"0/117, published {count}/117"


def test_pictures_need_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match="pip install matplotlib"):
        heatmap.draw_heatmaps([[("one", {(1, 1): 0.5})]], tmp_path / "picture.png", title="")
    assert not list(tmp_path.iterdir())
