"""The sensitivity recipe measures states without changing the training, and fits the models to them."""

import csv
from dataclasses import astuple
from functools import partial

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
from scipy.stats import norm

from relucid.plugins.torch.temperature.sensitivity_analysis import Sensitivity
from relucid.plugins.torch.temperature.sensitivity_analysis import sensitivity as measure
from relucid.trainers.recipes import RunConfig
from relucid.trainers.recipes.schedules import training
from relucid.trainers.recipes.schedules.nets import load_data
from relucid.trainers.recipes.schedules.runs import Run
from relucid.trainers.recipes.sensitivity import measuring, recipe
from relucid.trainers.recipes.sensitivity.measuring import measure_run
from relucid.trainers.recipes.sensitivity.recipe import RUN_COLUMNS
from relucid.trainers.recipes.sensitivity.states import TrainingState, append_states, read_states

METHODS = ("one-cycle", "step-decay")


def config(out, **changed) -> RunConfig:
    """Three steps for each method."""
    return RunConfig(out, **{"quick": True, "epochs": 1, "limit": 96, "methods": METHODS} | changed)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("finished")
    advanced = []
    lines = recipe.run(config(out), advanced.append)
    assert sum(advanced) == recipe.steps(config(out)) == 2
    return out, lines


@pytest.fixture(autouse=True, scope="module")
def short_range_test():
    """Shorten the range test to twenty rates; its result is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "run_range_test", partial(training.run_range_test, steps=20))
        yield


def states_in(run: Run, *, count: int) -> list[TrainingState]:
    data = load_data(RunConfig(".", quick=True, limit=160), "mnist")
    return measure_run(run, data, batch=32, rate=0.01, count=count, quick=True)


@pytest.mark.parametrize("schedule", ["one-cycle", "actcoolr"])
def test_measuring_leaves_the_training_unchanged(schedule):
    """Also under a schedule that measures the steps itself."""
    run = Run("f1-bn", schedule, 10, 160, 1)
    few, many = states_in(run, count=1), states_in(run, count=5)
    assert [state.at for state in few] == [0.0, 0.2, 1.0]
    assert [state.at for state in many] == pytest.approx(np.arange(6) / 5)
    for state in few:
        same = next(other for other in many if other.at == state.at)
        assert state.used == same.used
        assert np.array_equal(state.sensitivity.distances, same.sensitivity.distances)


def test_a_larger_rate_changes_more_and_the_thesis_rates_are_tried(finished):
    out, _ = finished
    states = read_states(out / "sensitivity.csv", RUN_COLUMNS)
    for name in METHODS:
        (found,) = (states for (_, schedule, *_), states in states.items() if schedule == name)
        assert len(found) == 4  # before and after each of three steps
        for state in found:
            assert state.sensitivity.rates == pytest.approx(np.geomspace(1e-4, 1e2, 50), rel=1e-5)
            assert state.sensitivity.distances.shape == (50, 5)
            assert state.sensitivity.mean[-1] > 0.95
            assert state.sensitivity.mean[0] < state.sensitivity.mean[12] < state.sensitivity.mean[-1]


def test_the_errors_written_are_those_of_the_parameters_written(finished):
    out, _ = finished
    states = read_states(out / "sensitivity.csv", RUN_COLUMNS)
    found = {
        f"{state.at:.6g}": state.sensitivity
        for (_, schedule, *_), each in states.items()
        for state in each
        if schedule == "one-cycle"
    }
    with (out / "fits.csv").open() as file:
        fits = [row for row in csv.DictReader(file) if row["schedule"] == "one-cycle" and row["model"] == "log-normal"]
    assert len(fits) == len(found)
    for fit in fits:
        sensitivity = found[fit["at"]]
        P = norm.cdf((np.log(sensitivity.rates) - float(fit["place"])) / float(fit["shape"]))
        assert np.mean((P - sensitivity.mean) ** 2) == pytest.approx(float(fit["error"]), rel=1e-3)


def test_the_printed_errors_are_those_of_the_fits(finished):
    out, lines = finished
    with (out / "fits.csv").open() as file:
        errors = [
            float(r["error"]) for r in csv.DictReader(file) if (r["schedule"], r["model"]) == ("one-cycle", "arctan")
        ]
    errors_by_line = {line.split("  ")[0]: line.split()[-3:] for line in lines[1:4]}
    assert float(errors_by_line["f1, one-cycle, before"][1]) == pytest.approx(errors[0], rel=1e-2)
    assert float(errors_by_line["f1, one-cycle, mean"][1]) == pytest.approx(np.mean(errors), rel=1e-2)
    assert float(errors_by_line["f1, one-cycle, largest"][1]) == pytest.approx(max(errors), rel=1e-2)
    pictures = {"phases_f1.png", "layers_f1.png", "models_f1.png"}
    assert {path.name for path in out.iterdir()} == pictures | {"sensitivity.csv", "fits.csv"}


def test_a_stopped_recipe_continues(finished, tmp_path, monkeypatch):
    out, lines = finished
    text = (out / "sensitivity.csv").read_text().splitlines()
    kept = [line for line in text if not line.startswith("f1,step-decay")]
    (tmp_path / "sensitivity.csv").write_text("\n".join(kept) + "\n")
    runs = []

    def counted(run, *rest, **options):
        runs.append(run.schedule)
        return measure_run(run, *rest, **options)

    monkeypatch.setattr(recipe, "measure_run", counted)
    assert recipe.run(config(tmp_path), lambda _: None)[:-1] == lines[:-1]
    assert runs == ["step-decay"]
    assert (tmp_path / "sensitivity.csv").read_text().splitlines() == text


def test_states_survive_a_round_trip(tmp_path):
    drawn = np.random.default_rng(0)
    rates = np.array([0.1, 1.0, 10.0])
    before = [
        TrainingState(at, 0.5, Sensitivity(rates, ("a", "b"), drawn.random((3, 2)).round(4))) for at in (0.0, 0.5)
    ]
    key = astuple(Run("f1", "cyclic", 10, 100, 1))
    append_states(tmp_path / "states.csv", RUN_COLUMNS, key, before)
    ((found, after),) = read_states(tmp_path / "states.csv", RUN_COLUMNS).items()
    assert found == key
    assert [(state.at, state.used) for state in after] == [(0.0, 0.5), (0.5, 0.5)]
    for left, right in zip(before, after, strict=True):
        assert np.array_equal(left.sensitivity.distances, right.sensitivity.distances)
        assert np.array_equal(left.sensitivity.rates, right.sensitivity.rates)


def test_the_measured_batch_is_evenly_spaced_in_the_data(monkeypatch):
    batches = []

    def look(model, optimizer, x, **options):
        batches.append(x)
        return measure(model, optimizer, x, **options)

    monkeypatch.setattr(measuring, "sensitivity", look)
    states_in(Run("f1", "step-decay", 10, 160, 1), count=1)
    data = load_data(RunConfig(".", quick=True, limit=160), "mnist")
    assert all(np.array_equal(x.numpy(), data.train.x[::5]) for x in batches)
