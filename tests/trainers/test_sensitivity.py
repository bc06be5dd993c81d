"""The sensitivity recipe looks at states without touching the training, and fits what it sees."""

import csv
from functools import partial

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
from scipy.stats import norm

from relucid.plugins.torch.temperature.sensitivity_analysis import Sensitivity
from relucid.plugins.torch.temperature.sensitivity_analysis import sensitivity as look_at
from relucid.trainers.recipes import RunConfig
from relucid.trainers.recipes.schedules import training
from relucid.trainers.recipes.schedules.nets import data_of
from relucid.trainers.recipes.schedules.runs import Run, key, read_rows
from relucid.trainers.recipes.sensitivity import recipe, states
from relucid.trainers.recipes.sensitivity.states import State, StateRow, rows_of, states_of, trained

METHODS = ("one-cycle", "step-decay")


def order(out, **changed) -> RunConfig:
    """Three steps for each method."""
    return RunConfig(out, **{"quick": True, "epochs": 1, "limit": 96, "methods": METHODS} | changed)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    told = []
    lines = recipe.run(order(out), told.append)
    assert sum(told) == recipe.steps(order(out)) == 2
    return out, lines


@pytest.fixture(autouse=True, scope="module")
def short_range_test():
    """Of twenty rates in place of two hundred: which rate is told is asked elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "range_test", partial(training.range_test, steps=20))
        yield


def states_in(run: Run, *, columns: int) -> list[State]:
    data = data_of(RunConfig(".", quick=True, limit=160), "mnist")
    return trained(run, data, batch=32, rate=0.01, columns=columns, quick=True)


@pytest.mark.parametrize("schedule", ["one-cycle", "actcoolr"])
def test_looking_leaves_the_training_as_it_was(schedule):
    """Also under a schedule that looks at the steps by itself."""
    run = Run("f1-bn", schedule, 10, 160, 1)
    few, many = states_in(run, columns=1), states_in(run, columns=5)
    assert [state.at for state in few] == [0.0, 0.2, 1.0]
    assert [state.at for state in many] == pytest.approx(np.arange(6) / 5)
    for state in few:
        same = next(other for other in many if other.at == state.at)
        assert state.used == same.used
        assert np.array_equal(state.found.distances, same.found.distances)


def test_a_larger_rate_changes_more_and_the_thesis_rates_are_tried(made):
    out, _ = made
    rows = read_rows(out / "sensitivity.csv", StateRow)
    for name in METHODS:
        found = states_of([row for row in rows if row.schedule == name])
        assert len(found) == 4  # before and after each of three steps
        for state in found:
            assert state.found.rates == pytest.approx(np.geomspace(1e-4, 1e2, 50), rel=1e-5)
            assert state.found.distances.shape == (50, 5)
            assert state.found.mean[-1] > 0.95
            assert state.found.mean[0] < state.found.mean[12] < state.found.mean[-1]


def test_the_errors_written_are_those_of_the_parameters_written(made):
    out, _ = made
    rows = [row for row in read_rows(out / "sensitivity.csv", StateRow) if row.schedule == "one-cycle"]
    states_ = {f"{state.at:.6g}": state.found for state in states_of(rows)}
    with (out / "fits.csv").open() as file:
        fits = [row for row in csv.DictReader(file) if row["schedule"] == "one-cycle" and row["model"] == "log-normal"]
    assert len(fits) == len(states_)
    for fit in fits:
        found = states_[fit["at"]]
        P = norm.cdf((np.log(found.rates) - float(fit["place"])) / float(fit["shape"]))
        assert np.mean((P - found.mean) ** 2) == pytest.approx(float(fit["error"]), rel=1e-3)


def test_what_is_said_is_what_was_fitted(made):
    out, lines = made
    with (out / "fits.csv").open() as file:
        errors = [
            float(r["error"]) for r in csv.DictReader(file) if (r["schedule"], r["model"]) == ("one-cycle", "arctan")
        ]
    told = {line.split("  ")[0]: line.split()[-3:] for line in lines[1:4]}
    assert float(told["f1, one-cycle, before"][1]) == pytest.approx(errors[0], rel=1e-2)
    assert float(told["f1, one-cycle, mean"][1]) == pytest.approx(np.mean(errors), rel=1e-2)
    assert float(told["f1, one-cycle, largest"][1]) == pytest.approx(max(errors), rel=1e-2)
    pictures = {"phases_f1.png", "layers_f1.png", "models_f1.png"}
    assert {path.name for path in out.iterdir()} == pictures | {"sensitivity.csv", "fits.csv"}


def test_a_stopped_recipe_goes_on_where_it_stopped(made, tmp_path, monkeypatch):
    out, lines = made
    text = (out / "sensitivity.csv").read_text().splitlines()
    kept = [line for line in text if not line.startswith("f1,step-decay")]
    (tmp_path / "sensitivity.csv").write_text("\n".join(kept) + "\n")
    runs = []

    def counted(run, *rest, **options):
        runs.append(run.schedule)
        return trained(run, *rest, **options)

    monkeypatch.setattr(recipe, "trained", counted)
    assert recipe.run(order(tmp_path), lambda _: None)[:-1] == lines[:-1]
    assert runs == ["step-decay"]
    assert (tmp_path / "sensitivity.csv").read_text().splitlines() == text


def test_rows_hold_the_states():
    drawn = np.random.default_rng(0)
    rates = np.array([0.1, 1.0, 10.0])
    before = [State(at, 0.5, Sensitivity(rates, ("a", "b"), drawn.random((3, 2)).round(4))) for at in (0.0, 0.5)]
    run = Run("f1", "cyclic", 10, 100, 1)
    rows = rows_of(run, before)
    assert {key(row) for row in rows} == {run}
    after = states_of(rows)
    assert [(state.at, state.used) for state in after] == [(0.0, 0.5), (0.5, 0.5)]
    for left, right in zip(before, after, strict=True):
        assert np.array_equal(left.found.distances, right.found.distances)
        assert np.array_equal(left.found.rates, right.found.rates)


def test_the_batch_looked_at_is_spread_over_the_data(monkeypatch):
    seen = []

    def look(model, optimizer, x, **options):
        seen.append(x)
        return look_at(model, optimizer, x, **options)

    monkeypatch.setattr(states, "sensitivity", look)
    states_in(Run("f1", "step-decay", 10, 160, 1), columns=1)
    data = data_of(RunConfig(".", quick=True, limit=160), "mnist")
    assert all(np.array_equal(x.numpy(), data.train.x[::5]) for x in seen)
