"""Monitor: its reports equal the analyzer's for the same samples, and training is unchanged."""

import copy
import gc
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import _get_current_function_mode_stack

import relucid
from relucid.analyzer.errors import OptionError, StateError
from relucid.analyzer.stats import CoMoment
from relucid.plugins.torch import Monitor, Separation
from relucid.plugins.torch.monitor.reduce import STATISTICS, reduce_on_device

from .small_net import batches, net, train

DEVICE = (*STATISTICS, CoMoment)
COUNTED = "dead_units linear_units dead_point_count linear_point_count patterns active_share samples positions".split()


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
def test_a_window_equals_an_analysis_of_its_samples():
    model, data = net(), batches(6)
    monitor = Monitor(model, every=2, window=3)
    train(model, data, rate=0.0)
    expected = relucid.analyze(net(), torch.cat(data[::2]), example_inputs=(data[0],))
    assert [site.name for site in monitor.report] == [site.name for site in expected] == ["1", "4"]
    for site in expected:
        for name in COUNTED:
            assert monitor.report[site.name][name] == site[name], (site.name, name)
        for name in ("vni", "effective_units", "entropy", "relative_entropy"):
            assert monitor.report[site.name][name] == pytest.approx(site[name], rel=1e-5)
    for name in ("dead_points_somewhere", "first_dead", "linear_so_far", "dead_sites"):
        assert monitor.report.network[name] == expected.network[name]
    assert expected["4"].dead_units == (0,)
    assert expected["4"].linear_units == (3,)


def test_every_row_names_the_steps_of_its_window():
    logged = []
    model = net()
    monitor = Monitor(model, every=3, window=2, log=lambda values, step: logged.append((step, values)))
    train(model, batches(14))
    assert [step for step, _ in logged] == [3, 9]
    span = ("samples", "window_forwards", "window_first_step", "window_last_step")
    assert [[values[name] for name in span] for _, values in logged] == [[16, 2, 0, 3], [16, 2, 6, 9]]
    assert [monitor.report["4"][name] for name in span] == [16, 2, 6, 9]


def test_an_epoch_is_a_window_on_request():
    model, steps = net(), []
    monitor = Monitor(model, every=1, window="epoch", log=lambda values, _: steps.append(values["samples"]))
    for count in (2, 3):
        train(model, batches(count))
        monitor.end_window()
    assert steps == [16, 24]
    assert monitor.end_window() is None


def test_training_is_bit_for_bit_what_it_is_without():
    plain, monitored = net(), net()
    monitor = Monitor(monitored, every=2)
    train(plain, batches(5))
    train(monitored, batches(5))
    assert monitor.report is not None
    for a, b in zip(plain.parameters(), monitored.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("first", [Monitor, Separation])
@pytest.mark.parametrize("on_device", [True, False])
def test_monitor_and_separation_do_not_capture_each_other(monkeypatch, first, on_device):
    if on_device:
        monkeypatch.setattr(
            "relucid.plugins.torch.monitor.window.reduce_site",
            lambda z, _, index, *, capacity, **_more: reduce_on_device(z.detach(), index, DEVICE, capacity=capacity),
        )
    alone, x = net(), batches(1)[0]
    separation = Separation(alone)
    alone(x)
    expected = torch.autograd.grad(separation.penalty(), list(alone.parameters())[:2])
    model = net()
    attached = {kind: kind(model) for kind in (first, *{Monitor, Separation} - {first})}
    model(x)
    found = torch.autograd.grad(attached[Separation].penalty(), list(model.parameters())[:2])
    for a, b in zip(found, expected, strict=True):
        assert torch.equal(a, b)
    assert [site.name for site in attached[Monitor].report] == ["1", "4"]


def test_forwards_without_gradients_or_that_raise_are_no_part_of_a_window():
    model = net()
    monitor = Monitor(model, every=1, window=2)
    with torch.no_grad():
        model(batches(1)[0])
    with pytest.raises(RuntimeError):
        model(torch.zeros(3, 1, 3, 4))
    train(model, batches(1))
    assert monitor.report is None
    train(model, batches(1))
    assert monitor.report["1"].samples == 16


def test_between_measured_steps_nothing_is_intercepted():
    modes = []

    class Probe(nn.Module):
        def forward(self, x):
            modes.append(len(_get_current_function_mode_stack()))
            return F.relu(x)

    model = nn.Sequential(nn.Linear(2, 2), Probe())
    Monitor(model, every=3)
    for _ in range(7):
        model(torch.zeros(1, 2))
    assert modes == [1, 0, 0, 1, 0, 0, 1]


def test_a_monitor_that_is_resumed_reports_what_an_unbroken_one_does(tmp_path):
    data = batches(9)
    model = net()
    unbroken = Monitor(model, every=2, window=4)
    train(model, data)

    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    monitor = Monitor(model, every=2, window=4)
    for step, x in enumerate(data):
        if step == 5:
            torch.save([model.state_dict(), optimizer.state_dict(), monitor.state_dict()], tmp_path / "five.pt")
            model = net()
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
            monitor = Monitor(model, every=2, window=4)
            saved = torch.load(tmp_path / "five.pt", weights_only=True)
            for part, state in zip((model, optimizer, monitor), saved, strict=True):
                part.load_state_dict(state)
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    assert unbroken.report.network["window_last_step"] == 6
    assert monitor.report == unbroken.report


def test_only_the_steps_of_another_process_are_loaded():
    model = net()
    monitor = Monitor(model, every=1, window=5)
    train(model, batches(3))
    state = monitor.state_dict() | {"rank": 1}
    resumed = Monitor(net(), every=1, window=5)
    resumed.load_state_dict(state)
    assert resumed.state_dict()["steps"] == 3
    assert resumed.state_dict()["window"]["forwards"] == 0


def test_detach_leaves_nothing_and_attach_goes_on():
    model = net()
    before = copy.deepcopy({name: value for name, value in vars(model).items() if "hook" in name})
    monitor = Monitor(model, every=1)
    monitor.detach()
    assert {name: value for name, value in vars(model).items() if "hook" in name} == before
    train(model, batches(1))
    assert monitor.report is None
    monitor.attach(model)
    train(model, batches(1))
    assert monitor.report.network["window_first_step"] == 0


def test_no_tensor_outlives_its_step():
    kept = []

    class Probe(nn.Module):
        def forward(self, x):
            kept.append(weakref.ref(x))
            return F.relu(x)

    model = nn.Sequential(nn.Linear(2, 3), Probe(), nn.Linear(3, 1))
    Monitor(model, every=2, window=1000)
    for _ in range(200):
        model(torch.randn(4, 2)).sum().backward()
    gc.collect()
    assert not any(ref() is not None for ref in kept)


def test_samples_with_nan_are_counted_separately():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    monitor = Monitor(model, every=1)
    x = torch.ones(4, 2)
    x[1] = torch.nan
    model(x).sum().backward()
    site = monitor.report["1"]
    assert (site.nonfinite_values, site.nonfinite_samples, site.first_nonfinite, site.samples) == (3, 1, 1, 4)
    model(x[1:2]).sum().backward()
    assert not monitor.report.sites
    assert "finite" in monitor.report.not_analysable[0][2]


def test_a_window_holds_at_most_its_capacity_of_patterns():
    model = nn.Sequential(nn.Linear(8, 20), nn.ReLU())
    monitor = Monitor(model, every=1, window=4, capacity=32)
    for _ in range(4):
        model(torch.randn(64, 8)).sum().backward()
    assert monitor.report["1"].patterns.error > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": 0},
        {"every": 1.5},
        {"every": True},
        {"window": "day"},
        {"window": 0},
        {"capacity": -1},
        {"squares": "many"},
        {"log": "sites.csv"},
    ],
)
def test_invalid_options_are_errors(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        Monitor(net(), **wrong)


def test_the_state_of_another_object_is_an_error():
    with pytest.raises(StateError, match="expected the state of a Monitor, got one without rank, window"):
        Monitor(net()).load_state_dict({"steps": 3})


def test_the_report_prints():
    model = net()
    monitor = Monitor(model, every=1)
    train(model, batches(1))
    assert "Sequential" in str(monitor.report)
    assert np.isfinite(monitor.report["1"].unit_high).all()
