"""The loss term: its value and gradients in a running model, and the errors it raises."""

import gc
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from relucid.analyzer.errors import ModelError, RelucidError
from relucid.plugins.torch import Separation
from relucid.plugins.torch.separation.separation_loss import penalty

from ..architectures import build
from .by_hand import X, by_hand, gradients, net
from .extremes_reference import extremes_reference


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
    """A layer dead on all data, which gets no gradient of the loss, is alive after a few steps."""
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
    with pytest.raises(RelucidError, match=r"penalty\(\): expected a forward"):
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
    """Each part of a batch has its own penalty."""
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
