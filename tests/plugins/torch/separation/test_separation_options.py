"""Options of Separation: where it reads, how strong it is, its schedule; and the errors it raises."""

import pytest
import torch
from torch import nn

from relucid.analyzer.errors import ModelError, OptionError, RelucidError, StateError
from relucid.plugins.torch import Separation, warm_up
from relucid.plugins.torch.separation.separation_loss import penalty

from .by_hand import X, by_hand, net
from .extremes_reference import extremes_reference


def test_strengths_by_site():
    model = net()
    separation = Separation(model, strength={"1": 0.5, "[36]": 2.0}, aggregation="sum")
    model(X)
    layers, x = [], X
    for module in model:
        if isinstance(module, nn.ReLU):
            layers.append(extremes_reference(x))
        x = module(x)
    torch.testing.assert_close(separation.penalty(), penalty(layers, [0.5, 2.0, 2.0], aggregation="sum"))
    left_out = Separation(model, strength={"1": 0.5}, aggregation="sum")
    model(X)
    torch.testing.assert_close(left_out.penalty(), penalty(layers[:1], [0.5], aggregation="sum"))


def test_hidden_sites_by_default_and_the_output_on_request():
    model = net()
    counts = {}
    for hook in ("relu_input", "affine_output"):
        for include_output in (False, True):
            separation = Separation(model, hook=hook, include_output=include_output)
            model(X)
            layers, _ = separation._buffer.take()
            counts[hook, include_output] = [len(layer.high) - len(X) for layer in layers]
            separation.detach()
    hidden = [4, 3, 6]
    assert counts["relu_input", False] == counts["affine_output", False] == hidden
    assert counts["relu_input", True] == counts["affine_output", True] == [*hidden, 2]


def test_where_g_is_read():
    """With a batch norm in between, the input of a ReLU is not the output of the affine map."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    x = torch.randn(6, 3)
    for hook, depth in (("relu_input", 2), ("affine_output", 1)):
        separation = Separation(model, hook=hook)
        model(x)
        torch.testing.assert_close(separation.penalty(), penalty([extremes_reference(model[:depth](x))], [1e-3]))
        separation.detach()


def test_schedule_and_state():
    model = net()
    separation = Separation(model, schedule=lambda step: warm_up(step, steps=4))
    values = []
    for _ in range(6):
        model(X)
        values.append(separation.penalty().item())
    full = by_hand(net(), X).item()
    assert values == pytest.approx([0, full / 4, full / 2, 3 * full / 4, full, full])
    again = Separation(model, schedule=lambda step: warm_up(step, steps=4))
    assert separation.state_dict() == {"steps": 6}
    again.load_state_dict({"steps": 2})
    model(X)
    assert again.penalty().item() == pytest.approx(full / 2)


def test_several_forwards_make_a_step_if_told_so():
    model = net()
    two = Separation(model, forwards=2, aggregation="sum")
    one = Separation(model, aggregation="sum")
    for x in (X, X + 1, X + 2):
        model(x)
    last, before = (by_hand(net(), x, aggregation="sum") for x in (X + 2, X + 1))
    torch.testing.assert_close(one.penalty(), last)
    torch.testing.assert_close(two.penalty(), last + before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axes": ("units",)}, r"axes: .*unit, point, layer, got \('units',\)"),
        ({"axes": ()}, r"axes: .*unit, point, layer, got \(\)"),
        ({"axes": "unit"}, "axes: .*unit, point, layer, got 'unit'"),
        ({"aggregation": "max"}, "aggregation: .*mean, sum, norm, sumsq, got 'max'"),
        ({"conv_units": "pixel"}, "conv_units: .*channel, position, got 'pixel'"),
        ({"ties": "first"}, "ties: .*one, shared, random, got 'first'"),
        ({"hook": None}, "hook: .*relu_input, affine_output, got None"),
        ({"strength": "1e-3"}, "strength.*: .* number.* 0, got '1e-3'"),
        ({"strength": {"1": -1}}, "strength of '1'.*: .* number.* 0, got -1"),
        ({"strength": float("nan")}, "strength.*: .* number.* 0, got nan"),
        ({"schedule": 3}, "schedule: .*, got 3"),
        ({"margin": (1, 0, -1)}, r"margin: expected a number or the pair \(m\+, m-\), got \(1, 0, -1\)"),
        ({"margin": "1"}, r"margin: expected a number or the pair \(m\+, m-\), got '1'"),
        ({"margin": (-1.0, 1.0)}, "margin: expected m\\+ above m-, got -1.0 and 1.0"),
        ({"balance": 1.5}, "balance: .* number.* 0 .*1, got 1.5"),
        ({"forwards": 0}, "forwards: .*1.*, got 0"),
    ],
)
def test_options_that_cannot_be_meant(options, message):
    with pytest.raises(OptionError, match=message):
        Separation(net(), **options)


def test_a_pattern_that_fits_no_site_is_said():
    model = net()
    separation = Separation(model, strength={"1": 1.0, "relu*": 1.0})
    model(X)
    with pytest.raises(OptionError, match=r"match a site of the model, got 'relu\*'"):
        separation.penalty()


def test_what_is_no_module_or_has_nothing_to_separate_is_said():
    with pytest.raises(ModelError, match=r"torch\.nn\.Module, got list"):
        Separation([nn.ReLU()])
    model = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid())
    separation = Separation(model)
    model(torch.ones(2, 3))
    with pytest.raises(ModelError, match="expected a model that calls ReLU-like functions"):
        separation.penalty()


def test_a_batch_without_samples_is_said():
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    separation = Separation(model)
    model(torch.ones(0, 3))
    with pytest.raises(RelucidError, match="expected a forward with samples"):
        separation.penalty()


def test_a_schedule_that_gives_no_number_and_a_state_of_something_else_are_said():
    model = net()
    separation = Separation(model, schedule=str)
    model(X)
    with pytest.raises(OptionError, match=r"schedule: .* number, got '0'"):
        separation.penalty()
    with pytest.raises(StateError, match="expected the state of a Separation, with the key steps, got the keys rank"):
        separation.load_state_dict({"rank": 0})
