"""Monitor: it says of training forwards what the analyzer says of the same samples, and training never notices."""

import copy
import gc
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch.overrides import _get_current_function_mode_stack
from torch.utils.checkpoint import checkpoint

import relucid
from relucid.analyzer.errors import ModelError, OptionError
from relucid.analyzer.stats import CoMoment
from relucid.plugins.torch import Separation
from relucid.plugins.torch.monitor import Monitor
from relucid.plugins.torch.reduce import STATISTICS, reduced_on_device

DEVICE = (*STATISTICS, CoMoment)
COUNTED = "dead_units linear_units dead_point_count linear_point_count patterns active_share samples positions".split()


def net() -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(24, 5), nn.ReLU(), nn.Linear(5, 2)
    )
    with torch.no_grad():
        model[3].bias -= torch.tensor([9.0, 0.3, 0.3, -9.0, 0.0])
    return model


def batches(count: int, size: int = 8) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(size, 1, 4, 4, generator=generator) for _ in range(count)]


def train(model, data, *, rate: float = 0.1):
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    for x in data:
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()


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


def test_every_row_says_which_steps_stand_behind_it():
    seen = []
    model = net()
    monitor = Monitor(model, every=3, window=2, log=lambda values, step: seen.append((step, values)))
    train(model, batches(14))
    assert [step for step, _ in seen] == [3, 9]
    span = ("samples", "window_forwards", "window_first_step", "window_last_step")
    assert [[values[name] for name in span] for _, values in seen] == [[16, 2, 0, 3], [16, 2, 6, 9]]
    assert [monitor.report["4"][name] for name in span] == [16, 2, 6, 9]


def test_an_epoch_is_a_window_when_told():
    model, steps = net(), []
    monitor = Monitor(model, every=1, window="epoch", log=lambda values, _: steps.append(values["samples"]))
    for count in (2, 3):
        train(model, batches(count))
        monitor.end_window()
    assert steps == [16, 24]
    assert monitor.end_window() is None


def test_training_is_bit_for_bit_what_it_is_without():
    plain, watched = net(), net()
    monitor = Monitor(watched, every=2)
    train(plain, batches(5))
    train(watched, batches(5))
    assert monitor.report is not None
    for a, b in zip(plain.parameters(), watched.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("first", [Monitor, Separation])
@pytest.mark.parametrize("on_device", [True, False])
def test_beside_separation_neither_sees_the_other(monkeypatch, first, on_device):
    if on_device:
        monkeypatch.setattr(
            "relucid.plugins.torch.forward.reduced",
            lambda z, _, index, *, capacity, **_more: reduced_on_device(z.detach(), index, DEVICE, capacity=capacity),
        )
    alone, x = net(), batches(1)[0]
    separation = Separation(alone)
    alone(x)
    expected = torch.autograd.grad(separation.penalty(), list(alone.parameters())[:2])
    model = net()
    watching = {kind: kind(model) for kind in (first, *{Monitor, Separation} - {first})}
    model(x)
    found = torch.autograd.grad(watching[Separation].penalty(), list(model.parameters())[:2])
    for a, b in zip(found, expected, strict=True):
        assert torch.equal(a, b)
    assert [site.name for site in watching[Monitor].report] == ["1", "4"]


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


def test_between_the_steps_watched_nothing_is_intercepted():
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


def test_of_another_process_state_only_the_steps_are_taken():
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


def test_samples_with_nan_are_counted_apart():
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


def test_sites_that_come_and_go_are_told_and_points_are_not_followed():
    class Moody(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.calls = nn.Linear(2, 2), nn.Linear(2, 2), 0

        def forward(self, x):
            self.calls += 1
            x = F.relu(self.a(x))
            return F.gelu(self.b(x)) if self.calls % 2 else x

    model = Moody()
    monitor = Monitor(model, every=1, window=2)
    for _ in range(2):
        model(torch.randn(4, 2)).sum().backward()
    assert [(site.kind, site.samples) for site in monitor.report] == [("relu", 8), ("gelu", 4)]
    assert "followed" in monitor.report.notes[0]
    assert "vni" not in monitor.report["gelu"].values
    assert monitor.report["gelu"].preactivation_vni is not None


def test_what_cannot_be_seen_is_told_with_its_reason():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.RNN(2, 3, nonlinearity="relu", batch_first=True)
            self.head = nn.Linear(3, 3)

        def forward(self, x):
            rows = F.relu(self.head(self.rnn(x)[0]))
            return F.relu(rows.flatten()[:7].reshape(7, 1)) + rows.sum()

    model = Odd()
    monitor = Monitor(model, every=1)
    model(torch.randn(4, 5, 2)).sum().backward()
    reasons = {kind_reason[-1] for kind_reason in monitor.report.not_analysable}
    assert any("inside one torch function" in reason for reason in reasons)
    assert sum(site.samples for site in monitor.report) == 4 + 7


def test_a_window_holds_at_most_its_capacity_of_patterns():
    model = nn.Sequential(nn.Linear(8, 20), nn.ReLU())
    monitor = Monitor(model, every=1, window=4, capacity=32)
    for _ in range(4):
        model(torch.randn(64, 8)).sum().backward()
    assert monitor.report["1"].patterns.error > 0


@pytest.mark.parametrize("wrong", [{"every": 0}, {"window": "day"}, {"window": 0}, {"every": 1.5}, {"capacity": -1}])
def test_options_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        Monitor(net(), **wrong)


def test_the_report_prints():
    model = net()
    monitor = Monitor(model, every=1)
    train(model, batches(1))
    assert "Sequential" in str(monitor.report)
    assert np.isfinite(monitor.report["1"].unit_high).all()


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointed_segments_are_seen_once(reentrant):
    class Segmented(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = net()

        def forward(self, x):
            return checkpoint(self.layers, x, use_reentrant=reentrant)

    model, x = Segmented(), batches(1)[0].requires_grad_()
    monitor = Monitor(model, every=1)
    model(x).sum().backward()
    plain = net()
    expected = Monitor(plain, every=1)
    plain(x).sum().backward()
    assert [site.values["entropy"] for site in monitor.report] == [site.values["entropy"] for site in expected.report]
    assert monitor.state_dict()["steps"] == 1


def test_mixed_precision_is_read_as_it_runs():
    model, x = net(), batches(1)[0]
    monitor = Monitor(model, every=1)
    with torch.autocast("cpu", torch.bfloat16):
        model(x).sum().backward()
        z = model[0](x)
    np.testing.assert_array_equal(monitor.report["1"].unit_high, z.float().amax((0, 2, 3)).detach().numpy())


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")
def test_a_compiled_model_is_seen_in_the_steps_watched():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = net()

        def forward(self, x):
            return 2 * self.layers(x)

    torch._dynamo.reset()
    model = Scaled()
    counter = CompileCounter()
    compiled = torch.compile(model, backend=counter)
    logged = []
    Monitor(compiled, every=3, log=lambda values, step: logged.append((step, values["layers.4/entropy"])))
    plain, expected = Scaled(), []
    Monitor(plain, every=3, log=lambda values, step: expected.append((step, values["layers.4/entropy"])))
    for x in batches(5):
        compiled(x).sum().backward()
        plain(x).sum().backward()
    assert logged == expected
    assert counter.frame_count > 0
    torch._dynamo.reset()


def test_what_torchscript_has_compiled_is_one_clear_error():
    with pytest.warns(DeprecationWarning, match="jit"):
        scripted = torch.jit.script(net())
    with pytest.raises(ModelError, match=r"torch\.jit"):
        Monitor(scripted)
