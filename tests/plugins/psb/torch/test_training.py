"""PSB layers in training mode: gradients, batch norms, and training at few samples."""

import copy

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch import nn
from torch.nn import functional as F

from relucid.plugins import psb
from relucid.plugins.psb import torch as psb_torch

FINE = {"samples": 1024, "levels": psb.Levels(6), "exponent_bits": 6}


def test_the_gradient_is_that_of_the_drawn_weights():
    """In the backward pass rounding is the identity: dL/dw as in float, dL/dx at the drawn weights."""
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 3, 3, padding=1, stride=2)
    x = (torch.randn(4, 2, 5, 5) * 64).round() / 64
    made = psb_torch.convert(layer, (x,), samples=1, seed=5)
    drawn = psb_torch.convert(nn.Conv2d(18, 3, 1, bias=False), (torch.zeros(1, 18, 1, 1),), samples=1, seed=5).eval()
    drawn.affine.weight.data = layer.weight.data.permute(0, 2, 3, 1).reshape(3, 18, 1, 1)
    w = drawn(torch.eye(18)[:, :, None, None]).reshape(3, 3, 2, 3).permute(3, 2, 0, 1)  # tap, tap, input, unit
    upstream = torch.randn(4, 3, 3, 3)
    x.requires_grad = True
    made(x).backward(upstream)
    w = w.detach().requires_grad_()
    other = x.detach().clone().requires_grad_()
    F.conv2d(other, w, layer.bias, stride=2, padding=1).backward(upstream)
    torch.testing.assert_close(made.affine.weight.grad, w.grad)
    torch.testing.assert_close(made.affine.bias.grad, upstream.sum((0, 2, 3)))
    torch.testing.assert_close(x.grad, other.grad, rtol=1e-2, atol=1e-2)


def test_clipped_weights_get_no_gradient():
    layer = nn.Linear(2, 1)
    layer.weight.data = torch.tensor([[0.5, -1.5]])
    made = psb_torch.convert(layer, (torch.ones(1, 2),), clip=1.0)
    made(torch.ones(1, 2)).sum().backward()
    assert made.affine.weight.grad.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(
    ("layer", "norm", "shape"),
    [
        (nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), (3, 6, 6)),
        (nn.Conv1d(4, 4, 3, groups=2, bias=False), nn.BatchNorm1d(4, momentum=None), (4, 9)),
        (nn.ConvTranspose2d(4, 6, 3, groups=2, stride=2), nn.BatchNorm2d(6), (4, 4, 4)),
        (nn.Linear(5, 4), nn.BatchNorm1d(4, affine=False), (5,)),
        (None, nn.BatchNorm2d(3), (3, 5, 5)),
        (None, nn.BatchNorm1d(3, momentum=None), (3,)),
    ],
    ids=["conv", "grouped", "transposed", "linear", "lone", "lone-vector"],
)
def test_with_many_samples_a_layer_and_its_norm_train_as_in_float(layer, norm, shape):
    """Outputs, running statistics and gradients near those of torch, in training and then in evaluation."""
    torch.manual_seed(1)
    net = nn.Sequential(copy.deepcopy(norm)) if layer is None else nn.Sequential(copy.deepcopy(layer), norm)
    for part in net.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.affine:
            nn.init.uniform_(part.weight, 0.5, 2.0)
            nn.init.normal_(part.bias)
    x = torch.randn(16, *shape) * 2
    made = psb_torch.convert(net, (x,), **FINE)
    (psb_layer,) = (part for part in made.modules() if isinstance(part, psb_torch.PsbLayer))
    assert psb_layer.norm is not None
    for step in range(3):
        x = torch.randn(16, *shape) * 2 + step
        ours, theirs = made(x), net(x)
        assert (ours - theirs).pow(2).mean() < 0.02**2 * theirs.pow(2).mean()
        assert not torch.equal(ours, theirs)
    net_norm = net[-1]
    torch.testing.assert_close(psb_layer.norm.running_mean, net_norm.running_mean, rtol=0.02, atol=0.02)
    torch.testing.assert_close(psb_layer.norm.running_var, net_norm.running_var, rtol=0.02, atol=0.02)
    assert psb_layer.norm.num_batches_tracked == net_norm.num_batches_tracked == 3
    upstream = torch.randn_like(theirs)
    ours.backward(upstream)
    theirs.backward(upstream)
    pairs = dict(net.named_parameters())
    ours_by_name = {name.split(".", 1)[-1]: p.grad for name, p in psb_layer.named_parameters() if p.grad is not None}
    for name, parameter in pairs.items():
        place, kind = name.split(".")
        part = psb_layer.affine if layer is not None and place == "0" else psb_layer.norm
        gradient = getattr(part, kind).grad
        size = parameter.grad.abs().max() + 1e-3
        assert gradient is not None, ours_by_name
        if place == "0" and kind == "bias" and layer is not None:
            continue  # what the norm takes out again: both are rounding
        torch.testing.assert_close(gradient / size, parameter.grad / size, rtol=0.05, atol=0.05)
    ours, theirs = made.eval()(x), net.eval()(x)
    assert (ours - theirs).pow(2).mean() < 0.02**2 * theirs.pow(2).mean()


def test_a_frozen_norm_stays_as_it_is_while_the_rest_trains():
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.BatchNorm2d(2))
    x = torch.randn(5, 1, 3, 3) + 2
    made = psb_torch.convert(net, (x,), seed=1)
    still = made.eval()(x)
    made.train()
    for part in (made[0], made[3]):
        part.norm.eval()
    torch.testing.assert_close(made(x), still, rtol=0, atol=2**-8)
    assert torch.equal(made[3].norm.running_mean, torch.zeros(2))
    assert torch.equal(made[0].norm.running_var, torch.ones(2))


def test_a_gain_of_zero_is_no_division_by_zero():
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    nn.init.zeros_(net[1].weight)
    x = torch.randn(3, 1, 2, 2)
    made = psb_torch.convert(net, (x,))
    assert torch.isfinite(made(x)).all()
    assert torch.equal(made.eval()(x), torch.zeros(3, 2, 2, 2))


def test_float32_sums_are_those_of_float64_to_a_step():
    torch.manual_seed(2)
    layer, x = nn.Conv2d(8, 4, 3), torch.randn(2, 8, 9, 9)
    exact, fast = (psb_torch.convert(layer, (x,), exact=exact, seed=3) for exact in (True, False))
    steps = (exact(x) - fast(x)) * 2**10
    assert steps.abs().max() <= 1
    assert (steps == 0).float().mean() > 0.9


def test_training_from_scratch_at_one_sample_learns_what_float_cannot_keep():
    """Eight sectors of a circle: evaluated at one sample, a net trained there is better than one trained in float."""
    angle = torch.rand(400, generator=torch.Generator().manual_seed(3)) * 2 * torch.pi
    y = (angle * 4 / torch.pi).long()
    x = torch.stack([angle.cos(), angle.sin()], 1)

    def trained(net: nn.Module) -> nn.Module:
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(400):
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
        return net.eval()

    def accuracy(net: nn.Module) -> float:
        scores = []
        for seed in range(100, 110):
            with torch.no_grad(), psb_torch.sampling(net, samples=1, seed=seed):
                scores.append((net(x).argmax(1) == y).float().mean().item())
        return float(np.mean(scores))

    def first() -> nn.Module:
        torch.manual_seed(4)
        return nn.Sequential(nn.Linear(2, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 8))

    in_float = psb_torch.convert(trained(first()), (x,))
    at_one = trained(psb_torch.convert(first(), (x,), samples=1))
    assert accuracy(at_one) > accuracy(in_float) + 0.05
