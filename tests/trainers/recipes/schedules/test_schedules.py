"""Schedules follow their definitions, the range test suggests a rate that trains, and rows survive a round trip."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from relucid.analyzer.errors import OptionError
from relucid.plugins.torch import ActCooLR
from relucid.trainers.datasets.labelled import Labelled
from relucid.trainers.loop import cross_entropy, to_tensors
from relucid.trainers.recipes.recipe import RunConfig
from relucid.trainers.recipes.results_csv import append_rows, read_rows, six_digits
from relucid.trainers.recipes.schedules.nets import NETS, build_net, dataset_of, load_data
from relucid.trainers.recipes.schedules.range_test import LEAST, MOST, run_range_test, suggest_rate
from relucid.trainers.recipes.schedules.runs import EpochRow, Run, run_of
from relucid.trainers.recipes.schedules.schedules import TUNED, check_schedule, make_schedule, sgd

RATES = np.geomspace(LEAST, MOST, 60)


def rates_of(name: str, *, steps: int, rate: float) -> tuple[list[float], list[float]]:
    """Rate and momentum of every step."""
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = sgd(model, rate)
    schedule = make_schedule(name, optimizer, model, steps=steps, rate=rate)
    x, rates, momenta = torch.randn(16, 2), [], []
    for _ in range(steps):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        schedule.step()
    return rates, momenta


@given(best=st.integers(5, 54), factor=st.floats(0.01, 100), width=st.floats(0.2, 2.0))
def test_the_suggested_rate_is_a_third_of_that_of_the_smallest_smoothed_loss(best, factor, width):
    losses = 1 - 0.9 * np.exp(-(((np.log(RATES) - np.log(RATES[best])) / width) ** 2))
    rate = suggest_rate(RATES, losses)
    assert rate in RATES / 3
    assert rate >= RATES[best] / 3 * 0.999  # averages lag behind the losses
    assert suggest_rate(RATES, factor * losses) == rate
    assert suggest_rate(factor * RATES, losses) == pytest.approx(factor * rate)


def test_nothing_counts_after_the_losses_have_blown_up():
    losses = np.linspace(1, 0.1, 60)
    losses[30:] = [np.nan] * 5 + [0.0] * 25
    assert suggest_rate(RATES, losses) == RATES[29] / 3
    losses[30:] = [1e6] * 5 + [0.0] * 25
    assert suggest_rate(RATES, losses) == RATES[29] / 3


def test_a_training_at_the_suggested_rate_converges_and_torch_is_left_unchanged():
    drawn = np.random.default_rng(0)
    y = drawn.integers(0, 3, 200)
    data = Labelled((np.eye(3)[y] + drawn.normal(0, 0.1, (200, 3))).astype(np.float32), y)
    model = nn.Linear(3, 3)
    state = torch.get_rng_state()
    rate = run_range_test(model, sgd(model, 1.0), data, batch=20, shuffle=torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), state)
    assert LEAST / 3 <= rate <= MOST / 3
    model.reset_parameters()
    optimizer, (x, labels) = sgd(model, rate), to_tensors(data, torch.arange(200), torch.device("cpu"))
    for _ in range(30):
        optimizer.zero_grad()
        loss = cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
    assert loss < 0.5 < np.log(3)


def test_step_decay_has_three_plateaus():
    rates, momenta = rates_of("step-decay", steps=40, rate=0.3)
    assert rates == pytest.approx([0.3] * 20 + [0.03] * 10 + [0.003] * 10)
    assert set(momenta) == {0.9}


def test_one_cycle_rises_for_a_tenth_and_ends_at_a_ten_thousandth():
    rates, momenta = rates_of("one-cycle", steps=200, rate=0.3)
    assert rates[0] == pytest.approx(0.03)
    assert max(rates) == pytest.approx(0.3)
    assert np.argmax(rates) == 19
    assert rates[-1] == pytest.approx(0.3 / 1e4)
    assert (np.diff(rates[:20]) > 0).all()
    assert (np.diff(rates[19:]) < 0).all()
    assert momenta[0] == pytest.approx(0.9)
    assert momenta[19] == pytest.approx(0.765)


def test_cyclic_has_five_triangles_each_half_as_high():
    rates, _ = rates_of("cyclic", steps=100, rate=1.0)
    assert rates[::20] == pytest.approx([0.01] * 5)
    assert rates[10::20] == pytest.approx([0.01 + 0.99 / 2**cycle for cycle in range(5)])


def test_actcoolr_ignores_the_rate():
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    assert isinstance(make_schedule("actcoolr", sgd(model, 1.0), model, steps=10), ActCooLR)
    assert "actcoolr" not in TUNED
    rates = []
    for rate in (0.1, 123.0):
        torch.manual_seed(0)
        rates.append(rates_of("actcoolr", steps=4, rate=rate)[0][1:])
    assert rates[0] == rates[1]


def test_unknown_names_are_refused():
    with pytest.raises(OptionError, match="one-cycle"):
        check_schedule("exponential")
    with pytest.raises(OptionError, match="resnet-20"):
        dataset_of("lenet")


@pytest.mark.parametrize("name", NETS)
def test_what_a_seed_draws_depends_on_nothing_else(name, tmp_path):
    data = load_data(RunConfig(tmp_path, quick=True, limit=40), dataset_of(name))
    assert len(data.train) == len(data.val) == 40
    state = torch.get_rng_state()
    one = build_net(name, data, 3)
    torch.rand(5)
    same, other = build_net(name, data, 3), build_net(name, data, 4)
    torch.set_rng_state(state)
    first, again, third = (list(each.parameters()) for each in (one, same, other))
    assert all(torch.equal(left, right) for left, right in zip(first, again, strict=True))
    assert not all(torch.equal(left, right) for left, right in zip(first, third, strict=True))
    assert one(torch.from_numpy(data.val.x[:2])).shape == (2, 10)


def test_missing_data_are_named(tmp_path):
    with pytest.raises(OptionError, match="--data"):
        load_data(RunConfig(tmp_path), "mnist")


def test_rows_survive_a_round_trip(tmp_path):
    path = tmp_path / "deep" / "rows.csv"
    rows = [EpochRow("f1", "cyclic", 10, 85, 2, epoch=each, rate=1 / 3, distances="0.5 0.25") for each in (0, 1)]
    assert read_rows(path, EpochRow) == []
    append_rows(path, EpochRow, rows[:1], number=six_digits)
    append_rows(path, EpochRow, rows[1:], number=six_digits)
    found = read_rows(path, EpochRow)
    assert [row.epoch for row in found] == [0, 1]
    assert found[0].rate == 0.333333
    assert found[1].distances == "0.5 0.25"
    assert {run_of(row) for row in found} == {Run("f1", "cyclic", 10, 85, 2)}
