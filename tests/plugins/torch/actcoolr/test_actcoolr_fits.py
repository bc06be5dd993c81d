"""ActCooLR's fits: the first one, later ones, uninformative ones, and runs that diverge."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from relucid.plugins.torch import Diverged, Thermometer
from relucid.plugins.torch.actcoolr.rule import MeasureSchedule
from relucid.plugins.torch.actcoolr.transition_estimate import TransitionEstimate

from .steering import attach_actcoolr, batch, net, run, sgd


def test_the_first_step_has_a_rate_that_was_fitted():
    """It does not depend on the initial rate of the optimizer, and P is on target."""
    found = []
    for lr in (1e-6, 1e3):
        model = net()
        optimizer = sgd(model, lr=lr)
        schedule = attach_actcoolr(optimizer, model, total_steps=1000)
        run(model, optimizer, schedule, range(1))
        found.append(schedule.history[0])
    assert found[0] == found[1]
    assert found[0].fits == 1
    assert found[0].distance == pytest.approx(0.99 * 0.5, abs=0.1)


def test_momentum_that_gathers_after_the_first_fit_does_not_carry_the_steps_away():
    """The same rate goes up to ten times as far once there is momentum; frequent measurements detect it."""
    above, looked = {}, {}
    for gap in (7, 1):
        model = net()
        optimizer = sgd(model)
        thermometer = Thermometer(model, optimizer, every=1)
        schedule = attach_actcoolr(optimizer, model, total_steps=1000)
        schedule._measurements = MeasureSchedule(gap=gap)
        run(model, optimizer, schedule, range(8), size=512)
        above[gap] = np.mean([reading.temperature - 1 for reading in thermometer.history][1:])
        looked[gap] = [reading.step for reading in schedule.history]
    assert looked == {7: [0, 7], 1: [0, 1, 3, 7]}
    assert above[7] > 0.5
    assert abs(above[1]) < above[7] / 3


def test_stopped_where_a_fit_was_due():
    """A resumed run repeats the fit of a stale estimate."""

    def fresh():
        model = net()
        optimizer = sgd(model)
        return model, optimizer, attach_actcoolr(optimizer, model, total_steps=40)

    model, optimizer, schedule = fresh()
    run(model, optimizer, schedule, range(5))
    schedule._estimates = [TransitionEstimate(mu=9.0, sigma=1.0, errors=5, stale=True)]
    schedule.step()
    other = fresh()
    other[0].load_state_dict(model.state_dict()), other[1].load_state_dict(optimizer.state_dict())
    other[2].load_state_dict(schedule.state_dict())
    run(*other, range(5, 12))
    assert other[2].history[-1].fits == 2
    assert other[2].history[-1].mu < 3


def test_all_or_nothing_asks_for_a_fit_at_the_next_step():
    model = net()
    optimizer = sgd(model)
    schedule = attach_actcoolr(optimizer, model, total_steps=100, probe_every=3)
    run(model, optimizer, schedule, range(3))
    optimizer.param_groups[0]["lr"] = 1e-12  # nothing will change
    run(model, optimizer, schedule, [3])
    assert schedule.history[-1].distance == 0
    assert schedule._estimates[0].stale
    run(model, optimizer, schedule, [4, 5, 6])
    assert schedule.history[-1].fits == 2
    assert abs(schedule.history[-1].distance - schedule.history[-1].wanted) < 0.15


def test_where_nothing_can_move_training_goes_on_and_a_fit_follows_as_soon_as_it_can():
    """A head that starts at zero gives the layers below no gradient in the first step."""
    model = net()
    with torch.no_grad():
        model[6].weight.zero_()
    optimizer = sgd(model, momentum=0.0)
    schedule = attach_actcoolr(optimizer, model, total_steps=50, probe_every=1)
    run(model, optimizer, schedule, range(4))
    assert schedule.history[0].distance == 0
    assert 2 <= schedule.history[-1].fits <= 3
    assert abs(schedule.history[-1].distance - schedule.history[-1].wanted) < 0.2


def test_where_nothing_ever_moves_little_is_spent_on_it():
    """Fits that fail are tried after 1, 2, 4 ... steps, at most as rarely as steps are measured."""
    model = net()
    optimizer = sgd(model)
    schedule = attach_actcoolr(optimizer, model, probe_every=8)
    forwards = []
    model.register_forward_hook(lambda *_: forwards.append(torch.is_grad_enabled()))
    for step in range(40):
        optimizer.zero_grad()
        (model(batch(step)[0]).sum() * 0).backward()
        optimizer.step()
        schedule.step()
    assert schedule.history[-1].fits == 8  # before steps 0, 1, 3, 7, 15, 23, 31, 39
    assert len(schedule.history) == 8
    assert forwards.count(False) < 8 * 32 + 8


def test_a_loss_that_is_no_number_ends_the_run_with_its_history():
    model = net()
    optimizer = sgd(model)
    schedule = attach_actcoolr(optimizer, model, total_steps=50, probe_every=1)
    run(model, optimizer, schedule, range(4))

    def spoilt():
        for step in range(4, 50):
            x, y = batch(step)
            optimizer.zero_grad()
            (F.cross_entropy(model(x), y) * torch.nan).backward()
            optimizer.step()
            schedule.step()

    with pytest.raises(Diverged, match="not finite") as caught:
        spoilt()
    assert [reading.step for reading in caught.value.history][:4] == [0, 1, 2, 3]
    assert len(caught.value.history) <= 6


def test_a_rate_out_of_range_ends_the_run_and_changes_nothing():
    model = net()
    optimizer = sgd(model)
    schedule = attach_actcoolr(optimizer, model, total_steps=50)
    run(model, optimizer, schedule, range(2))
    schedule._estimates = [TransitionEstimate(mu=50.0, stale=False)]
    run(model, optimizer, None, [2])
    rates = [group["lr"] for group in optimizer.param_groups]
    with pytest.raises(Diverged, match=r"step 3: .* would need the learning rate") as caught:
        schedule.step()
    assert caught.value.history == schedule.history
    assert [group["lr"] for group in optimizer.param_groups] == rates == schedule.get_last_lr()
