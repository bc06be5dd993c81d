"""The ActCooLR recipe writes every epoch, continues a stopped run, and compares the schedules."""

import csv
from itertools import pairwise
from math import isnan, nan

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from relucid.plugins.torch import Diverged
from relucid.plugins.torch.temperature.thermometer import Reading
from relucid.trainers.recipes import RunConfig
from relucid.trainers.recipes.actcoolr import recipe
from relucid.trainers.recipes.actcoolr.table import compare_with_best, summarize, write_summaries
from relucid.trainers.recipes.results_csv import read_rows
from relucid.trainers.recipes.schedules import training
from relucid.trainers.recipes.schedules.runs import EpochRow, Run, StepRow, run_of
from relucid.trainers.recipes.schedules.training import average_steps

METHODS = ("step-decay", "actcoolr")


def config(out, **changed) -> RunConfig:
    return RunConfig(out, **{"quick": True, "epochs": 2, "limit": 200, "methods": METHODS, "seeds": 2} | changed)


def rows_of(schedule: str, seed: int, accuracies: list[float], **changed) -> list[EpochRow]:
    return [
        EpochRow(
            "f1",
            schedule,
            seed,
            100,
            len(accuracies),
            epoch=epoch,
            val_accuracy=accuracy,
            rate=0.1 - epoch / 100,
            **changed,
        )
        for epoch, accuracy in enumerate(accuracies)
    ]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("finished")
    advanced = []
    lines = recipe.run(config(out), advanced.append)
    assert sum(advanced) == recipe.steps(config(out)) == 8
    return out, lines


def test_every_epoch_of_every_run_is_written(finished):
    out, lines = finished
    rows = read_rows(out / "actcoolr.csv", EpochRow)
    assert [(row.schedule, row.seed, row.epoch) for row in rows] == [
        (schedule, seed, epoch) for seed in (10, 11) for schedule in METHODS for epoch in (0, 1)
    ]
    for row in rows:
        distances = [float(part) for part in row.distances.split()]
        assert len(distances) == 5
        assert np.mean(distances) == pytest.approx(row.distance, abs=1e-4)
        assert 0 < row.distance <= 1
        assert 0.1 < row.val_accuracy < 1
        assert isnan(row.off) == (row.schedule == "step-decay") == (row.fits == 0) == (row.found > 0)
    assert {path.name for path in out.iterdir()} == {
        *("actcoolr.csv", "actcoolr_steps.csv", "schedules_f1.csv", "schedules_f1.png", "sites_f1.png")
    }
    assert lines[3].startswith("actcoolr: ")


def test_the_steps_between_have_the_same_mean(finished):
    out, _ = finished
    steps = read_rows(out / "actcoolr_steps.csv", StepRow)
    for row in read_rows(out / "actcoolr.csv", EpochRow):
        own = [step for step in steps if run_of(step) == run_of(row) and int(step.at) == row.epoch]
        assert np.mean([step.distance for step in own]) == pytest.approx(row.distance, abs=1e-5)
        assert all(left.at < right.at for left, right in pairwise(own))


def test_a_stopped_recipe_continues(finished, tmp_path):
    out, lines = finished
    text = (out / "actcoolr.csv").read_text().splitlines()
    kept = [line for line in text if not line.startswith("f1,actcoolr,10")]
    assert len(text) - len(kept) == 2
    (tmp_path / "actcoolr.csv").write_text("\n".join(kept) + "\n")
    advanced = []
    assert recipe.run(config(tmp_path), advanced.append)[:4] == lines[:4]
    assert sum(advanced) == 8
    again = (tmp_path / "actcoolr.csv").read_text().splitlines()
    assert again[: len(kept)] == kept
    assert sorted(again) == sorted(text)


def test_sweeps_are_runs_of_actcoolr_and_one_of_both_is_trained_once(tmp_path):
    sweep = config(tmp_path, methods=("gamma", "length"), limit=64)
    advanced = []
    lines = recipe.run(sweep, advanced.append)
    assert sum(advanced) == recipe.steps(sweep) == 6 + 6 + 3 + 6
    trained = {run_of(row) for row in read_rows(tmp_path / "actcoolr.csv", EpochRow)}
    assert {(run.gamma, run.epochs) for run in trained} == {(1.0, 6), (4.0, 6), (1.0, 3)}
    assert [line.split("  ")[0] for line in lines[1:5]] == ["gamma 1", "gamma 4", "length 3", "length 6"]
    assert (tmp_path / "sweeps_f1.png").exists()


@pytest.mark.parametrize(("below", "starts"), [(0.0, recipe.STARTS), (1 - 2**-2.2, recipe.STARTS[:3])])
def test_a_run_that_diverges_ends_there_and_cooler_starts_are_tried(below, starts, tmp_path, monkeypatch):
    class Diverging(training.ActCooLR):
        def step(self, epoch=None):
            if self.history and self.history[-1].step >= 3 and self.history[0].wanted > below:
                raise Diverged("at last", self.history)
            super().step(epoch)

    monkeypatch.setattr("relucid.trainers.recipes.schedules.schedules.ActCooLR", Diverging)
    advanced = []
    lines = recipe.run(config(tmp_path, methods=("actcoolr",), seeds=1), advanced.append)
    rows = read_rows(tmp_path / "actcoolr.csv", EpochRow)
    last = [(starts[-1], 0, True)] if below == 0 else [(starts[-1], 0, False), (starts[-1], 1, False)]
    assert [(row.start, row.epoch, isnan(row.loss)) for row in rows] == [
        *((start, 0, True) for start in starts[:-1]),
        *last,
    ]
    assert ("1 diverged" in lines[1]) == (below == 0)
    assert float(lines[1].split()[5]) == starts[-1]
    assert sum(advanced) == 2
    assert recipe.run(config(tmp_path, methods=("actcoolr",), seeds=1), advanced.append) == lines
    assert len(read_rows(tmp_path / "actcoolr.csv", EpochRow)) == len(rows)


def test_summaries_are_numpys(tmp_path):
    rows = [*rows_of("cyclic", 10, [0.2, 0.6, 0.8], off=0.1), *rows_of("cyclic", 11, [0.3, 0.5, 0.9], off=0.2)]
    found = summarize("cyclic", [run_of(rows[0]), run_of(rows[3])], rows[::-1])
    assert (found.accuracy.mean, found.accuracy.deviation) == pytest.approx((85, np.std([80, 90], ddof=1)))
    assert found.halfway.mean == pytest.approx(55)
    assert found.off == pytest.approx(0.15)
    assert (found.highest, found.when) == pytest.approx((0.1, 1 / 6))
    assert summarize("other", [Run("f1", "one-cycle", 10, 100, 3)], rows) is None


def test_actcoolr_is_compared_with_the_best_of_the_others(tmp_path):
    runs = {name: rows_of(name, 10, [0.5, last]) for name, last in {"a": 0.7, "b": 0.9, "actcoolr": 0.88}.items()}
    rows = [row for each in runs.values() for row in each]
    groups = {name: [run_of(each[0])] for name, each in runs.items()}
    assert compare_with_best(groups, rows) == ["actcoolr: -2.00 points relative to b, the best other schedule"]
    assert compare_with_best({"actcoolr": groups["actcoolr"]}, rows) == []
    lines = write_summaries(groups, rows, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open() as file:
        written = {row["runs_of"]: float(row["val_accuracy"]) for row in csv.DictReader(file)}
    assert written == {"a": 70, "b": 90, "actcoolr": 88}
    assert len(lines) == 4


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 777])
def test_readings_are_averaged_in_order(count):
    readings = [Reading(step=8 * k, rate=float(k), distance=0.5, wanted=nan) for k in range(count)]
    rows = average_steps(Run("f1", "cyclic", 10, 100, 5), readings, steps=16)
    assert len(rows) == min(count, 100)
    sizes = np.diff([0, *np.cumsum([len(part) for part in np.array_split(np.arange(count), max(len(rows), 1))])])
    assert sum(row.rate * size for row, size in zip(rows, sizes, strict=False)) == pytest.approx(sum(range(count)))
    assert all(row.at == pytest.approx(row.rate / 2) for row in rows)
