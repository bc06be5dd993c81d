"""The temperature of a step equals that from two plain forwards, and measuring it does not affect the training."""

import copy
import random
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from relucid.analyzer.errors import ModelError, OptionError
from relucid.analyzer.measures.pattern_temperature import pattern_distance
from relucid.plugins.torch import Thermometer
from relucid.plugins.torch.temperature.pattern_change import PatternProbe

from ..architectures import ARCHITECTURES, build
from ..optimizers import snapshot


class Net(nn.Module):
    """Convolutions, batch norm, dropout, an in-place ReLU, named arguments, random numbers of three kinds."""

    def __init__(self, *, dropout: float = 0.3, noise: bool = False) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6, momentum=None)
        self.act, self.drop = nn.ReLU(inplace=True), nn.Dropout(dropout)
        self.line, self.out = nn.Linear(6 * 16, 12), nn.Linear(12, 3)
        self.noise = noise

    def forward(self, x, *, scale=1.0):
        x = self.act(self.norm(self.conv(x * scale)))
        x = self.drop(x).flatten(1)
        if self.noise:
            x = x * (1 + random.random()) * (1 + np.random.rand())  # noqa: NPY002 - as users draw
        return self.out(torch.relu(self.line(x)))


def build_training(**options):
    torch.manual_seed(0)
    model = Net(**options)
    return model, torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9), torch.randn(10, 2, 6, 6)


def by_hand(model, x, random_state, **named):
    """Pre-activations (pattern, unit) of both sites, in a copy of the model, by forward hooks of torch."""
    twin, found = copy.deepcopy(model), []
    torch.set_rng_state(random_state)
    twin.norm.register_forward_hook(lambda _, __, z: found.append(z.detach().clone().movedim(1, -1).flatten(0, -2)))
    twin.line.register_forward_hook(lambda _, __, z: found.append(z.detach().clone()))
    with torch.no_grad():
        twin(x, **named)
    return [z.numpy() for z in found]


def step(model, optimizer, x, **named):
    optimizer.zero_grad()
    model(x, **named).square().mean().backward()
    optimizer.step()


def test_distances_are_those_of_two_plain_forwards():
    model, optimizer, x = build_training()
    thermometer = Thermometer(model, optimizer, every=1)
    for _ in range(4):
        state = torch.get_rng_state()
        before = by_hand(model, x, state, scale=1.5)
        torch.set_rng_state(state)
        step(model, optimizer, x, scale=1.5)
        drawn = torch.get_rng_state()
        after = by_hand(model, x, state, scale=1.5)
        torch.set_rng_state(drawn)
        reading = thermometer.history[-1]
        assert [*reading.sites.values()] == [pattern_distance(*pair) for pair in zip(before, after, strict=True)]
        assert reading.distance == pytest.approx(np.mean([*reading.sites.values()]))
        assert reading.temperature == pytest.approx(-np.log2(1 - reading.distance))
    assert len({reading.distance for reading in thermometer.history}) > 1


@pytest.mark.parametrize("options", [{}, {"noise": True}, {"dropout": 0.0}])
def test_training_goes_on_as_if_nothing_were_measured(options):
    runs = []
    for measured in (False, True):
        random.seed(0), np.random.seed(0)  # noqa: NPY002 - as users do
        model, optimizer, x = build_training(**options)
        if measured:
            Thermometer(model, optimizer, every=1)
        for _ in range(5):
            step(model, optimizer, x)
        runs.append(snapshot(model, optimizer))
    runs[0].assert_same(runs[1])


def test_nothing_moves_at_rate_0():
    """Observation 1: D(0) = 0 and T(0) = 0, also with dropout, noise and batch norms in training mode."""
    model, optimizer, x = build_training(noise=True)
    optimizer.param_groups[0]["lr"] = 0.0
    thermometer = Thermometer(model, optimizer, every=1)
    step(model, optimizer, x)
    (reading,) = thermometer.history
    assert set(reading.sites.values()) == {0.0}
    assert reading.temperature == 0


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_architectures(name):
    """All sites are measured; D is 0 if no parameter has changed, and large if all have."""
    model, x = build(name)
    probe = PatternProbe(model)
    probe.arm()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model(x)
        still = probe.measure()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.randn_like(parameter))
        moved = probe.measure()
    assert set(still.values()) == {0.0}
    assert still.keys() == moved.keys()
    assert max(moved.values()) > 0.3


def test_every_kth_step_is_measured_and_the_others_are_not_even_watched():
    model, optimizer, x = build_training()
    calls = []
    model.register_forward_hook(lambda *_: calls.append(torch.is_grad_enabled()))
    thermometer = Thermometer(model, optimizer, every=3)
    for _ in range(7):
        step(model, optimizer, x)
    assert [reading.step for reading in thermometer.history] == [0, 3, 6]
    assert calls.count(False) == 3
    assert [reading.rate for reading in thermometer.history] == [0.5] * 3


def test_accumulated_batches_are_one_step_and_the_first_of_them_is_measured():
    model, optimizer, x = build_training(dropout=0.0)
    thermometer = Thermometer(model, optimizer, every=1)
    halves = x.chunk(2)
    before = by_hand(model, halves[0], torch.get_rng_state())
    for half in halves:
        model(half).square().mean().backward()
    optimizer.step()
    after = by_hand(model, halves[0], torch.get_rng_state())
    (reading,) = thermometer.history
    assert [*reading.sites.values()] == [pattern_distance(*pair) for pair in zip(before, after, strict=True)]


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_that_the_scaler_skips_is_none(fused):
    model, _, x = build_training()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    thermometer = Thermometer(model, optimizer, every=1)
    for spoilt in (False, True, False):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        scaler.scale(loss * torch.inf if spoilt else loss).backward()
        scaler.step(optimizer)
        scaler.update()
    assert [reading.step for reading in thermometer.history] == [0, 1]
    assert all(reading.distance > 0 for reading in thermometer.history)


def test_a_closure_is_part_of_the_step():
    model, optimizer, x = build_training()
    thermometer = Thermometer(model, optimizer, every=1)

    def closure():
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        return loss

    for _ in range(2):
        assert optimizer.step(closure) > 0
    assert [reading.step for reading in thermometer.history] == [0, 1]
    assert thermometer.history[0].distance > 0


def test_autocast_is_as_it_was_in_training():
    model, optimizer, x = build_training(dropout=0.0)
    optimizer.param_groups[0]["lr"] = 0.0
    thermometer, types = Thermometer(model, optimizer, every=1), []
    model.line.register_forward_hook(lambda _, __, z: types.append(z.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(x).square().mean()
    loss.backward()
    optimizer.step()
    assert types == [torch.bfloat16, torch.bfloat16]
    assert thermometer.history[0].distance == 0


def test_parameters_cached_by_an_autocast_around_the_loop_are_not_used():
    model, optimizer, x = build_training(dropout=0.0)
    thermometer = Thermometer(model, optimizer, every=1)
    with torch.autocast("cpu", torch.bfloat16):
        step(model, optimizer, x)
    assert thermometer.history[0].distance > 0


def test_evaluation_in_between_is_not_measured():
    model, optimizer, x = build_training()
    thermometer = Thermometer(model, optimizer, every=1)
    with torch.no_grad():
        model(x[:3])
    step(model, optimizer, x)
    with torch.no_grad():
        model(x[:3])
    step(model, optimizer, x)
    assert len(thermometer.history) == 2


def test_memory_of_what_is_remembered():
    """Bits, and no copy of the batch: a sixteenth of the activations at most."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2), nn.ReLU())
    x = torch.randn(16, 3, 32, 32)
    probe = PatternProbe(model)
    probe.arm()
    model(x)
    activations = 4 * 16 * (16 * 32 * 32 + 32 * 15 * 15)
    assert sum(signs.words.nbytes for signs in probe._before.values()) <= activations / 16
    inputs = []
    model.register_forward_pre_hook(lambda _, arguments: inputs.append(arguments[0]))
    probe.measure()
    assert inputs[0] is x


def test_detached_leaves_no_trace():
    model, optimizer, x = build_training()
    thermometer = Thermometer(model, optimizer, every=1)
    step(model, optimizer, x)
    thermometer.detach()
    step(model, optimizer, x)
    assert len(thermometer.history) == 1
    assert not model._forward_hooks
    assert not model._forward_pre_hooks
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks


def test_a_batch_that_was_overwritten_is_said():
    model, optimizer, x = build_training()
    Thermometer(model, optimizer, every=1)
    model(x).square().mean().backward()
    x.zero_()
    with pytest.raises(ModelError, match="got one overwritten since the forward"):
        optimizer.step()


def test_a_model_without_sites_is_said():
    model = nn.Linear(2, 2)
    probe = PatternProbe(model)
    with pytest.raises(ModelError, match="before it, got none"):
        probe.measure()
    probe.arm()
    model(torch.ones(1, 2))
    with pytest.raises(ModelError, match="at least one ReLU-like site"):
        probe.measure()


def test_options():
    model, optimizer, _ = build_training()
    with pytest.raises(OptionError, match="every"):
        Thermometer(model, optimizer, every=0)
