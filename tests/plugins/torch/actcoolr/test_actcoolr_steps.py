"""What ActCooLR counts as an optimizer step, with closures, accumulation, scalers and other plugins."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from relucid.analyzer.errors import ModelError
from relucid.plugins.torch import ActCooLR, Monitor, Separation, Thermometer

from .steering import attach_actcoolr, batch, net, run, sgd


def test_step_is_idempotent():
    """However often it is called, the rate is the one for the next optimizer step."""
    runs = []
    for times in ([1] * 20, [3] * 20, [2, 1] * 10):
        model = net()
        optimizer = sgd(model)
        schedule = attach_actcoolr(optimizer, model, total_steps=20, probe_every=2)
        for step, calls in enumerate(times):
            run(model, optimizer, None, [step])
            for _ in range(calls):
                schedule.step()
        runs.append((schedule.get_last_lr(), schedule.last_epoch, schedule.history))
    assert runs[0] == runs[1] == runs[2]
    assert runs[0][1] == 20


def test_steps_that_were_not_told_are_counted():
    model = net()
    optimizer = sgd(model)
    schedule = attach_actcoolr(optimizer, model, total_steps=20)
    run(model, optimizer, None, range(5))
    schedule.step()
    assert schedule.last_epoch == 5


def test_accumulated_batches_make_one_step():
    model = net()
    optimizer = sgd(model)
    schedule = attach_actcoolr(optimizer, model, total_steps=10, probe_every=1)
    for step in range(5):
        optimizer.zero_grad()
        for half in range(2):
            x, y = batch(2 * step + half)
            (F.cross_entropy(model(x), y) / 2).backward()
            schedule.step()  # too often, as Accelerate does
        optimizer.step()
        schedule.step()
    assert schedule.last_epoch == 5
    assert [reading.step for reading in schedule.history] == [0, 1, 2, 3, 4]
    assert np.mean([abs(reading.distance - reading.wanted) for reading in schedule.history]) < 0.1


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_that_the_scaler_skips_is_none(fused):
    model = net()
    optimizer = sgd(model, fused=fused, momentum=0.0)
    schedule = attach_actcoolr(optimizer, model, total_steps=10, probe_every=1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    for step, spoilt in enumerate([True, False, True, False]):
        x, y = batch(step)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        scaler.scale(loss * torch.inf if spoilt else loss).backward()
        before = model[0].weight.clone()
        scaler.step(optimizer)
        scaler.update()
        schedule.step()
        assert torch.equal(before, model[0].weight) == spoilt
    assert schedule.last_epoch == 2
    assert [reading.step for reading in schedule.history] == [0, 1]
    assert all(abs(reading.distance - reading.wanted) < 0.15 for reading in schedule.history)


def test_a_closure_is_part_of_the_step():
    """As Lightning steps: gradients are computed within; the fit follows them and precedes the update."""
    runs = []
    for within in (False, True):
        model = net()
        optimizer = sgd(model)
        schedule = attach_actcoolr(optimizer, model, total_steps=10, probe_every=2)
        for step in range(8):

            def closure(step=step, model=model, optimizer=optimizer):
                x, y = batch(step)
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                return loss

            if within:
                optimizer.step(closure)
            else:
                closure()
                optimizer.step()
            schedule.step()
        runs.append((schedule.history, schedule.get_last_lr()))
    assert runs[0] == runs[1]


def test_together_with_the_other_plugins_of_a_model():
    """The forwards that only measure are hidden from all of them."""
    model = net()
    optimizer = sgd(model)
    separation, monitor = Separation(model, strength=1e-3), Monitor(model, every=1)
    schedule = attach_actcoolr(optimizer, model, total_steps=20, probe_every=1)
    thermometer = Thermometer(model, optimizer, every=1)
    for step in range(10):
        x, y = batch(step)
        optimizer.zero_grad()
        (F.cross_entropy(model(x), y) + separation.penalty()).backward()
        optimizer.step()
        schedule.step()
    assert monitor.state_dict()["steps"] == 10
    assert [a.distance for a in thermometer.history] == [b.distance for b in schedule.history]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_a_compiled_model():
    runs = []
    for compiled in (False, True):
        torch._dynamo.reset()
        model = net()
        optimizer = sgd(model)
        called = torch.compile(model, backend="eager") if compiled else model
        schedule = attach_actcoolr(optimizer, called, total_steps=20)
        run(called, optimizer, schedule, range(12))
        runs.append(schedule.history)
    torch._dynamo.reset()
    assert [reading.step for reading in runs[0]] == [0, 1, 3, 7]
    for plain, compiled in zip(*runs, strict=True):
        assert compiled.distance == pytest.approx(plain.distance, abs=0.02)


def test_a_forward_that_nobody_saw_is_said():
    """For instance where the schedule was given a module that the training does not call."""
    model = net()
    optimizer = sgd(model)
    schedule = ActCooLR(optimizer, nn.Sequential(model), total_steps=20)
    with pytest.raises(ModelError, match="pass to the schedule the module that the training calls"):
        run(model, optimizer, schedule, range(1))
