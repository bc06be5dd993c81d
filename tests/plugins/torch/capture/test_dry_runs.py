"""Dry runs: a training run with sensitivity analyses in between equals, bit for bit, the run without."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from relucid.plugins.torch import ActCooLR, Capture, Monitor, Separation, Thermometer, sensitivity
from relucid.plugins.torch.capture.dry_runs import dry_run, dry_run_cache, is_hidden_from
from relucid.plugins.torch.separation.separation import warm_up

from ..optimizers import snapshot
from .recorder import Recorder

STEPS, HALVES = 10, 2


def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(32, 8, generator=torch.Generator().manual_seed(step))
    return x, x[:, :3].argmax(1)


def train(place: str, *, penalty: bool):
    """Train with all plugins and with accumulation; `sensitivity` runs at one place of every step, or at none."""
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

    def analyse(here):
        if here == place:
            x, y = batch(100)
            found.append(sensitivity(model, optimizer, x, rates=[0.1, 1.0], loss=lambda: loss(x, y)).mean.tolist())

    for step in range(STEPS):
        analyse("before the forward")
        for half in range(HALVES):
            x, y = batch(HALVES * step + half)
            (F.cross_entropy(model(x), y) + separation.penalty()).backward()
            analyse("between forwards")
        analyse("before the step")
        optimizer.step()
        analyse("after the step")
        schedule.step()
        optimizer.zero_grad()
    assert len(found) == {"": 0, "between forwards": HALVES * STEPS}.get(place, STEPS)
    counts = separation.state_dict(), monitor.state_dict()["steps"], monitor.report.to_json()
    return snapshot(model, optimizer), schedule.history, thermometer.history, counts


@pytest.fixture(scope="module")
def alone():
    """The run without a sensitivity analysis."""
    return train("", penalty=False)


@pytest.mark.parametrize("place", ["before the forward", "between forwards", "before the step", "after the step"])
@pytest.mark.parametrize("penalty", [False, True])
def test_a_sensitivity_analysis_leaves_the_run_unchanged(alone, place, penalty):
    state, steered, measured, counts = train(place, penalty=penalty)
    state.assert_same(alone[0])
    assert steered == alone[1]
    assert measured == alone[2]
    assert counts == alone[3]


def test_the_loss_of_a_dry_run_has_its_own_penalty():
    """Only of its own forward pass; the passes of the training that await a penalty stay."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    separation = Separation(model, strength=1.0, forwards=3, schedule=lambda step: float(step + 1))
    (x, _), (other, _) = batch(0), batch(1)
    model(other)
    alone = separation.penalty().item()
    model(x)
    expected, penalties = separation.penalty().item() / 2, []
    separation.load_state_dict({"steps": 0})

    def loss():
        model(x)
        penalty = separation.penalty()
        penalties.append(penalty.item())
        return penalty

    model(other)
    for _ in range(2):
        sensitivity(model, optimizer, x, rates=[1.0], loss=loss)
    assert penalties == pytest.approx([expected, expected])
    assert separation.penalty().item() == alone


def test_a_dry_run_is_hidden_from_all_other_observers():
    mine, other = object(), object()
    assert dry_run_cache() is None
    with dry_run(mine):
        assert (is_hidden_from(mine), is_hidden_from(other)) == (False, True)
        with dry_run(other):
            assert is_hidden_from(mine)
        assert not is_hidden_from(mine)
        first = dry_run_cache()
    with dry_run(mine):
        assert dry_run_cache() is not first
    with pytest.raises(ZeroDivisionError), dry_run(mine):
        assert 1 / 0 > 0
    assert dry_run_cache() is None
    assert not is_hidden_from(other)


def test_the_old_name_of_the_option_works_with_a_warning():
    model, recorder = nn.Sequential(nn.Linear(3, 3), nn.ReLU()), Recorder()
    with pytest.warns(DeprecationWarning, match="dry_runs"):
        capture = Capture(model, recorder, rehearsals=True)
    with dry_run(object()):
        model(torch.randn(2, 3))
    assert recorder.calls == ["begin", "1", "end"]
    capture.detach()
