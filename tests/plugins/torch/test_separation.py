"""The loss term: what it takes from a running model, its gradients, its options, its refusals."""

import gc
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from relucid.analyzer.errors import ModelError, OptionError, RelucidError
from relucid.plugins.torch import Separation, warm_up
from relucid.plugins.torch.deficits import penalty
from relucid.plugins.torch.extremes_reference import extremes_reference

from .architectures import build


def by_hand(model: nn.Sequential, x: torch.Tensor, **how) -> torch.Tensor:
    """The penalty of a sequential model with the input of every ReLU taken by hand."""
    layers = []
    for module in model:
        if isinstance(module, nn.ReLU):
            layers.append(extremes_reference(x * 1))
        x = module(x)
    return penalty(layers, [how.pop("strength", 1e-3)] * len(layers), **how)


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


def net(*, inplace: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 4, 3), nn.ReLU(inplace), nn.Conv2d(4, 3, 3), nn.ReLU(inplace), nn.Flatten())
    return nn.Sequential(*layers, nn.Linear(12, 6), nn.ReLU(inplace), nn.Linear(6, 2)).double()


X = torch.randn(5, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("aggregation", ["mean", "sum", "norm", "sumsq"])
def test_value_and_gradients_are_those_by_hand(aggregation, inplace):
    model, plain = net(inplace=inplace), net()
    separation = Separation(model, strength=0.3, aggregation=aggregation)
    out = model(X)
    term = separation.penalty()
    expected = by_hand(plain, X, strength=0.3, aggregation=aggregation)
    torch.testing.assert_close(term, expected)
    got = gradients(model, out.square().mean() + term)
    wanted = gradients(plain, plain(X).square().mean() + expected)
    assert all(map(torch.allclose, got, wanted))


def test_the_term_alone_trains_what_is_before_the_last_site():
    model, plain = net(inplace=True), net()
    separation = Separation(model)
    model(X)
    got, wanted = gradients(model, separation.penalty()), gradients(plain, by_hand(plain, X))
    assert len(got) == len(wanted) == 6
    assert all(map(torch.allclose, got, wanted))


def test_it_brings_dead_units_back():
    """The point of it all: a layer dead on all data, which no loss gradient reaches, is alive after a few steps."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 1))
    nn.init.constant_(model[0].bias, -10.0)
    x = torch.randn(50, 4)
    separation = Separation(model, strength=1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    assert (model[0](x) <= 0).all()
    for _ in range(200):
        optimizer.zero_grad()
        loss = model(x).square().mean() + separation.penalty()
        loss.backward()
        optimizer.step()
    assert ((model[0](x) > 0).any(0) & (model[0](x) <= 0).any(0)).all()


def test_sites_of_every_kind_of_net_have_a_gradient():
    for name in ("resnet", "convnext", "vit", "transformer", "unet"):
        model, x = build(name)
        separation = Separation(model, strength=1.0)
        model(x)
        assert gradients(model, separation.penalty())


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
            layers, _ = separation._watch.taken()
            counts[hook, include_output] = [len(layer.high) - len(X) for layer in layers]
            separation.detach()
    hidden = [4, 3, 6]
    assert counts["relu_input", False] == counts["affine_output", False] == hidden
    assert counts["relu_input", True] == counts["affine_output", True] == [*hidden, 2]


def test_where_g_is_read():
    """With a batch norm in between, what a ReLU reads is not what the affine map makes."""
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


def test_forwards_without_gradients_do_not_count():
    model = net()
    separation = Separation(model)
    model(X)
    with torch.no_grad():
        model(X + 5)
    with torch.inference_mode():
        model(X + 5)
    torch.testing.assert_close(separation.penalty(), by_hand(net(), X))


def test_a_forward_that_raises_does_not_count():
    model = net()
    separation = Separation(model)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        model(torch.zeros(5, 1, 8, 8, dtype=torch.float64))
    with pytest.raises(RelucidError, match="got none"):
        separation.penalty()
    model(X)
    torch.testing.assert_close(separation.penalty(), by_hand(net(), X))


def test_each_forward_counts_once():
    model = net()
    separation = Separation(model)
    with pytest.raises(RelucidError, match=r"penalty\(\) wanted a forward"):
        separation.penalty()
    model(X)
    separation.penalty()
    with pytest.raises(RelucidError, match="got none"):
        separation.penalty()


def test_checkpointed_segments():
    class Net(nn.Module):
        def __init__(self, use_reentrant):
            super().__init__()
            self.part, self.use_reentrant = net()[:5], use_reentrant

        def forward(self, x):
            return checkpoint(self.part, x, use_reentrant=self.use_reentrant)

    x = X.clone().requires_grad_()
    model, plain = Net(use_reentrant=False), net()[:5]
    separation = Separation(model)
    got = gradients(model, model(x).sum() + separation.penalty())
    wanted = gradients(plain, plain(x).sum() + by_hand(plain, x))
    assert all(map(torch.allclose, got, wanted))
    model = Net(use_reentrant=True)
    separation = Separation(model)
    with pytest.raises(ModelError, match="use_reentrant=False"):
        model(x)


def test_autocast():
    model = net().float()
    separation = Separation(model, strength=1.0)
    with torch.autocast("cpu", torch.bfloat16):
        out = model(X.float())
        term = separation.penalty()
    assert term.dtype == torch.float32
    assert term.item() == pytest.approx(by_hand(net(), X, strength=1.0).item(), rel=0.02)
    assert all(torch.isfinite(gradient).all() for gradient in gradients(model, out.float().sum() + term))


def test_accumulated_over_two_parts_of_a_batch():
    """Each part has a penalty of its own, as each batch has."""
    model, plain = net(), net()
    separation = Separation(model)
    for x in (X[:2], X[2:]):
        (separation_loss(model, separation, x) / 2).backward()
        ((plain(x).square().mean() + by_hand(plain, x)) / 2).backward()
    for got, wanted in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(got.grad, wanted.grad)


def separation_loss(model: nn.Module, separation: Separation, x: torch.Tensor) -> torch.Tensor:
    return model(x).square().mean() + separation.penalty()


def test_no_tensor_outlives_its_step():
    model = net()
    separation = Separation(model)
    for _ in range(200):
        out = model(X)
        term = separation.penalty()
        node = weakref.ref(term)
        (out.sum() + term).backward()
        del out, term
        assert node() is None
    gc.collect()
    tensors = sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())
    for _ in range(10):
        (model(X).sum() + separation.penalty()).backward()
    gc.collect()
    assert sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects()) <= tensors


def test_detached_it_watches_nothing():
    model = net()
    separation = Separation(model)
    separation.detach()
    model(X)
    with pytest.raises(RelucidError, match="got none"):
        separation.penalty()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axes": ("units",)}, "axes: wanted unit, point, layer, got units"),
        ({"axes": ()}, "axes: wanted unit, point, layer, got nothing"),
        ({"aggregation": "max"}, "aggregation: wanted mean, sum, norm, sumsq, got max"),
        ({"conv_units": "pixel"}, "conv_units: wanted channel, position, got pixel"),
        ({"ties": "first"}, "ties: wanted one, shared, random, got first"),
        ({"hook": "input"}, "hook: wanted relu_input, affine_output, got input"),
        ({"margin": (-1.0, 1.0)}, "margin: wanted m\\+ above m-, got -1.0 and 1.0"),
        ({"balance": 1.5}, "balance: wanted a number from 0 to 1, got 1.5"),
        ({"forwards": 0}, "forwards: wanted 1 or more, got 0"),
    ],
)
def test_options_that_cannot_be_meant(options, message):
    with pytest.raises(OptionError, match=message):
        Separation(net(), **options)


def test_a_pattern_that_fits_no_site_is_said():
    model = net()
    separation = Separation(model, strength={"1": 1.0, "relu*": 1.0})
    model(X)
    with pytest.raises(OptionError, match=r"no site of the model fits 'relu\*'"):
        separation.penalty()


def test_margin_zero_below():
    """The unpublished variant with m- = 0."""
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    nn.init.zeros_(model[0].weight)
    nn.init.constant_(model[0].bias, 0.25)
    separation = Separation(model, strength=1.0, margin=(1.0, 0.0), axes=("layer",))
    model(torch.zeros(3, 2))
    assert separation.penalty().item() == pytest.approx((0.75 + 0.25) / 2)


def test_functional_models_too():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.b(functional.relu(self.a(x)))

    model = Functional()
    separation = Separation(model)
    x = torch.randn(5, 3)
    model(x)
    torch.testing.assert_close(separation.penalty(), penalty([extremes_reference(model.a(x))], [1e-3]))
