"""Sensitivity equals the distances of real steps of a twin at each rate, and restores the model."""

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from relucid.analyzer.errors import ModelError, OptionError
from relucid.analyzer.measures.pattern_temperature import pattern_distance
from relucid.plugins.torch import Thermometer, sensitivity
from relucid.plugins.torch.temperature.sensitivity_analysis import RATES
from relucid.plugins.torch.temperature.transition import ARCTAN, LOG_NORMAL

from ..optimizers import OPTIMIZERS, snapshot, train_steps

X = torch.randn(16, 4, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_all_is_as_it_was_and_distances_are_those_of_real_steps(make):
    model, optimizer, closure = train_steps(make, 2)
    before = snapshot(model, optimizer)
    rates = [0.0, 0.01, 0.3, 5.0]

    def loss():
        torch.manual_seed(2)
        return model(X).square().mean()

    found = sensitivity(model, optimizer, X, rates=rates, loss=loss)
    snapshot(model, optimizer).assert_same(before)
    assert found.sites == ("relu", "relu#2", "relu#3")
    assert found.distances.shape == (4, 3)
    if type(optimizer) not in {torch.optim.ASGD, torch.optim.Rprop}:  # which step at rates of their own
        assert found.mean[0] == 0
    for rate, distances in zip(rates[1:], found.distances[1:], strict=True):
        assert distances == pytest.approx(of_a_real_step(model, optimizer, closure, make, rate), abs=1e-9)


def of_a_real_step(model, optimizer, closure, make, rate):
    """D of each site, by forward hooks of torch, of a twin that steps, with the same dropout masks."""
    twin = copy.deepcopy(model)
    theirs = make(list(twin.parameters()))
    theirs.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    largest = max(float(group["lr"]) for group in theirs.param_groups)
    for group in theirs.param_groups:
        group["lr"] = rate * float(group["lr"]) / largest

    def again():
        with torch.enable_grad():
            theirs.zero_grad()
            torch.manual_seed(2)
            loss = twin(X).square().mean()
            loss.backward()
        return loss

    drawn = torch.get_rng_state()
    found = []
    for _ in range(2):
        torch.set_rng_state(drawn)
        handles = [
            part.register_forward_hook(lambda _, __, z: found.append(z.detach().numpy().copy()))
            for part in (twin.norm, twin.second, twin.third)
        ]
        twin(X)
        for handle in handles:
            handle.remove()
        again()
        theirs.step(again)
        torch.set_rng_state(drawn)
        if len(found) == 6:
            break
    return [pattern_distance(found[site], found[site + 3]) for site in range(3)]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("name", ["SGD momentum", "Adafactor", "LBFGS"])
@pytest.mark.parametrize("forward", [0, 2, 4])
def test_interrupted_in_the_middle_all_is_as_it_was(error, name, forward):
    model, optimizer, _ = train_steps(OPTIMIZERS[name], 1)
    before = snapshot(model, optimizer)
    hooks = [len(model._forward_hooks), len(model._forward_pre_hooks)]
    calls = []

    def interrupting(*_):
        calls.append(1)
        if len(calls) > forward:
            raise error

    handle = model.third.register_forward_hook(interrupting)
    with pytest.raises(error):
        sensitivity(model, optimizer, X, rates=[0.1, 1.0, 2.0], loss=lambda: model(X).square().mean())
    handle.remove()
    snapshot(model, optimizer).assert_same(before)
    assert [len(model._forward_hooks), len(model._forward_pre_hooks)] == hooks
    model(X)  # and it runs as ever


def test_gradients_that_are_there_are_taken():
    model, optimizer, _ = train_steps(OPTIMIZERS["SGD"], 0)
    model.eval()
    asked = sensitivity(model, optimizer, X, rates=[0.5], loss=lambda: model(X).square().mean())
    model.zero_grad()
    none = sensitivity(model, optimizer, X, rates=[0.5])
    model(X).square().mean().backward()
    there = sensitivity(model, optimizer, X, rates=[0.5])
    assert there.distances.tolist() == asked.distances.tolist()
    assert there.mean[0] > 0
    assert not none.distances.any()


def test_a_later_step_is_what_was_foretold():
    """The distance predicted for a rate is the one that the thermometer measures for this step."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    x, y = torch.randn(200, 8), torch.randint(0, 3, (200,))
    for _ in range(3):
        foretold = sensitivity(model, optimizer, x, rates=[0.02], loss=lambda: F.cross_entropy(model(x), y))
        thermometer = Thermometer(model, optimizer, every=1)
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        assert [*thermometer.history[0].sites.values()] == pytest.approx(foretold.distances[0].tolist(), abs=0.006)
        thermometer.detach()


def test_the_phase_transition_at_initialisation():
    """From nothing to everything over the thesis' rates; the log-normal fits it better than theorem 1 (Fig 3.14)."""
    torch.manual_seed(0)
    widths = (20, 128, 128, 128)
    hidden = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
    model = nn.Sequential(*hidden, nn.Linear(128, 4))
    x, y = torch.randn(256, 20), torch.randint(0, 4, (256,))
    found = sensitivity(
        model, torch.optim.SGD(model.parameters(), lr=1.0), x, loss=lambda: F.cross_entropy(model(x), y)
    )
    np.testing.assert_array_equal(found.rates, np.geomspace(1e-4, 1e2, 50))
    assert found.mean[0] < 0.05
    assert found.mean[-1] > 0.95
    assert (np.diff(found.mean) > -0.02).all()
    assert found.fit().error < 1e-3
    assert found.fit(LOG_NORMAL).error < found.fit(ARCTAN).error
    np.testing.assert_allclose(2.0**-found.temperatures, 1 - found.mean, atol=1e-15)


@pytest.mark.parametrize("batch", [X, (X,), [X], {"x": X}], ids=["tensor", "tuple", "list", "mapping"])
def test_what_a_batch_may_be(batch):
    model, optimizer, _ = train_steps(OPTIMIZERS["SGD"], 0)
    assert sensitivity(model, optimizer, batch, rates=[1.0]).mean[0] > 0


def test_groups_keep_their_ratios():
    model, optimizer, closure = train_steps(OPTIMIZERS["SGD"], 0)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.2]
    model.eval()
    both = sensitivity(model, optimizer, X, rates=[3.0], loss=lambda: model(X).square().mean())
    optimizer.param_groups[0]["lr"], optimizer.param_groups[1]["lr"] = 1.5, 3.0
    closure()
    model.zero_grad()
    model(X).square().mean().backward()
    thermometer = Thermometer(model, optimizer, every=1)
    model(X).sum()
    optimizer.step()
    assert [*thermometer.history[0].sites.values()] == both.distances[0].tolist()


def test_what_cannot_be_asked_is_said():
    model, optimizer, _ = train_steps(OPTIMIZERS["SGD"], 0)
    for rates in ([], [-1.0], [np.nan], [[1.0]]):
        with pytest.raises(OptionError, match="rates: expected"):
            sensitivity(model, optimizer, X, rates=rates)
    with pytest.raises(OptionError, match="above 0"):
        sensitivity(model, torch.optim.SGD(model.parameters(), lr=0.0), X)
    line = nn.Linear(4, 1)
    with pytest.raises(ModelError, match="ReLU-like"):
        sensitivity(line, torch.optim.SGD(line.parameters(), lr=1.0), X)
    assert RATES.size == 50
