"""Rehearsals: a run in which somebody asks what another rate would have done is, bit for bit, the run without."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from relucid.plugins.torch import ActCooLR, Monitor, Separation, Thermometer, sensitivity
from relucid.plugins.torch.capture.dry_run import hidden_from, rehearsal, rehearsing
from relucid.plugins.torch.separation.separation import warm_up

from .optimizers import snapshot

STEPS, HALVES = 10, 2


def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(32, 8, generator=torch.Generator().manual_seed(step))
    return x, x[:, :3].argmax(1)


def watched(asked: str, *, penalty: bool):
    """A run that all our plugins watch, with accumulation; it is asked at one place of every step, or nowhere."""
    torch.manual_seed(0)
    layers = [nn.Linear(8, 32), nn.ReLU(), nn.BatchNorm1d(32), nn.Dropout(0.2), nn.Linear(32, 32), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(32, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    monitor, thermometer = Monitor(model, every=3), Thermometer(model, optimizer, every=3)
    separation = Separation(model, strength=1e-2, schedule=lambda step: warm_up(step, steps=5), forwards=HALVES)
    schedule = ActCooLR(optimizer, model, total_steps=2 * STEPS, start_temperature=1.0, probe_every=4)
    found = []

    def loss(x, y):
        return F.cross_entropy(model(x), y) + (separation.penalty() if penalty else 0.0)

    def ask(place):
        if place == asked:
            x, y = batch(100)
            found.append(sensitivity(model, optimizer, x, rates=[0.1, 1.0], loss=lambda: loss(x, y)).mean.tolist())

    for step in range(STEPS):
        ask("before the forward")
        for half in range(HALVES):
            x, y = batch(HALVES * step + half)
            (F.cross_entropy(model(x), y) + separation.penalty()).backward()
            ask("between forwards")
        ask("before the step")
        optimizer.step()
        ask("after the step")
        schedule.step()
        optimizer.zero_grad()
    assert len(found) == {"": 0, "between forwards": HALVES * STEPS}.get(asked, STEPS)
    counts = separation.state_dict(), monitor.state_dict()["steps"], monitor.report.to_json()
    return snapshot(model, optimizer), schedule.history, thermometer.history, counts


@pytest.fixture(scope="module")
def alone():
    """The run that nobody asks."""
    return watched("", penalty=False)


@pytest.mark.parametrize("place", ["before the forward", "between forwards", "before the step", "after the step"])
@pytest.mark.parametrize("penalty", [False, True])
def test_asked_or_not_a_run_is_the_same(alone, place, penalty):
    state, steered, measured, counts = watched(place, penalty=penalty)
    state.assert_same(alone[0])
    assert steered == alone[1]
    assert measured == alone[2]
    assert counts == alone[3]


def test_the_loss_of_a_rehearsal_has_its_own_penalty():
    """Of its own forward, however many are waiting to be counted; and it leaves those."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    separation = Separation(model, strength=1.0, forwards=3, schedule=lambda step: float(step + 1))
    (x, _), (other, _) = batch(0), batch(1)
    model(other)
    alone = separation.penalty().item()
    model(x)
    expected, told = separation.penalty().item() / 2, []
    separation.load_state_dict({"steps": 0})

    def loss():
        model(x)
        penalty = separation.penalty()
        told.append(penalty.item())
        return penalty

    model(other)
    for _ in range(2):
        sensitivity(model, optimizer, x, rates=[1.0], loss=loss)
    assert told == pytest.approx([expected, expected])
    assert separation.penalty().item() == alone


def test_a_rehearsal_is_hidden_from_all_but_its_watcher():
    mine, other = object(), object()
    assert rehearsing() is None
    with rehearsal(mine):
        assert (hidden_from(mine), hidden_from(other)) == (False, True)
        with rehearsal(other):
            assert hidden_from(mine)
        assert not hidden_from(mine)
        first = rehearsing()
    with rehearsal(mine):
        assert rehearsing() is not first
    with pytest.raises(ZeroDivisionError), rehearsal(mine):
        assert 1 / 0 > 0
    assert rehearsing() is None
    assert not hidden_from(other)
