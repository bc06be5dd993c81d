"""Theorem 1 predicts the changes of a simulated wide layer at initialisation to 1 %."""

import numpy as np
import pytest
import torch
from torch import nn

from relucid.analyzer.errors import ModelError
from relucid.plugins.torch.temperature.packed_signs import PackedSigns
from relucid.plugins.torch.temperature.transition import ARCTAN
from relucid.plugins.torch.temperature.transition_theory import deviations, energy


def wide_layer(*, bias: bool, mean: float) -> tuple[nn.Linear, torch.Tensor]:
    """Normal weights and gradients, so many units that the mean over them is the probability; inputs with a mean."""
    torch.manual_seed(0)
    fan_in, samples = 200, 64
    layer = nn.Linear(fan_in, 2**17, bias=bias)
    for parameter, scale in ((layer.weight, 1.0), (layer.bias, 3.0)):
        if parameter is not None:
            parameter.data = torch.randn_like(parameter) * scale / fan_in**0.5
            parameter.grad = torch.randn_like(parameter) * 0.3 * scale / fan_in**0.5
    return layer, torch.randn(samples, fan_in) + mean


@pytest.fixture(scope="module", params=[False, True], ids=["no biases", "biases"])
def wide(request):
    return wide_layer(bias=request.param, mean=0.2)


def moved(layer: nn.Linear, x: torch.Tensor, rate: float) -> torch.Tensor:
    step = nn.functional.linear(x, layer.weight.grad, None if layer.bias is None else layer.bias.grad)
    return layer(x) - rate * step


@torch.no_grad()
def changes(layer: nn.Linear, x: torch.Tensor, rate: float, units: int) -> float:
    """How often a pattern changes, if each group of this many units is a layer."""
    before, after = (z.reshape(len(x), -1, units) for z in (layer(x), moved(layer, x, rate)))
    signs = PackedSigns.of(before, 2)
    return signs.count_changed(after, 2).item() / signs.count


def scale_of(layer: nn.Linear, x: torch.Tensor) -> float:
    sigma_c, sigma_g = deviations(layer, x)
    return sigma_g / sigma_c


@pytest.mark.parametrize("rate", [0.3, 3.0, 30.0])
def test_single_units_change_as_often_as_said(wide, rate):
    layer, x = wide
    assert ARCTAN.forward(rate, scale_of(layer, x), 1) == pytest.approx(changes(layer, x, rate, 1), rel=0.01)


@pytest.mark.parametrize(("rate", "units"), [(0.1, 64), (0.3, 16), (1.0, 8), (30.0, 4)])
def test_patterns_of_d_units_change_as_often_as_said(wide, rate, units):
    layer, x = wide
    D = changes(layer, x, rate, units)
    assert ARCTAN.forward(rate, scale_of(layer, x), units) == pytest.approx(D, rel=0.01)


def test_variances_in_place_of_second_moments_would_be_wrong():
    """As (3.20) and (3.21) are printed, the scale misses for inputs with a mean, where there are biases."""
    layer, x = wide_layer(bias=True, mean=1.0)
    layer.bias.grad.zero_()
    layer.bias.data *= 10
    changed = changes(layer, x, 3.0, 1)
    variance = x.double().var(0).sum().item()
    w, b, dw = (p.detach().double().square().mean().item() for p in (layer.weight, layer.bias, layer.weight.grad))
    printed = np.sqrt(dw * variance / (w * variance + b))
    assert ARCTAN.forward(3.0, scale_of(layer, x), 1) == pytest.approx(changed, rel=0.01)
    assert ARCTAN.forward(3.0, printed, 1) != pytest.approx(changed, rel=0.02)


@pytest.mark.parametrize(
    "layer",
    [nn.Conv1d(4, 6, 3, stride=2), nn.Conv2d(4, 6, 3, padding=1, groups=2, dilation=2), nn.Conv3d(4, 6, 2)],
    ids=lambda layer: type(layer).__name__,
)
def test_energy_of_a_convolution_is_that_of_its_patches(layer):
    dims = layer.weight.dim() - 2
    x = torch.randn(3, 4, *[5] * dims)
    energies = []
    for channel in range(6):  # a unit of ones after the other: what it makes of x^2 is its patch's energy
        probe = type(layer)(
            4, 6, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.groups, bias=False
        )
        probe.weight.data.zero_()
        probe.weight.data[channel] = 1
        energies.append(probe(x.square())[:, channel].double().mean().item())
    assert energy(layer, x) == pytest.approx(np.mean(energies), rel=1e-5)


def test_a_real_layer_of_a_network():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 1))
    x = torch.randn(50, 20)
    net(x).square().mean().backward()
    sigma_c, sigma_g = deviations(net[0], x)
    squares = x.double().square().sum(1).mean().item()
    assert sigma_c == pytest.approx(
        np.sqrt((net[0].weight.double() ** 2).mean().item() * squares + (net[0].bias.double() ** 2).mean().item())
    )
    assert 0 < sigma_g < sigma_c


def test_what_has_no_deviations_is_said():
    with pytest.raises(ModelError, match="BatchNorm1d"):
        energy(nn.BatchNorm1d(3), torch.ones(2, 3))
    with pytest.raises(ModelError, match="backward"):
        deviations(nn.Linear(2, 2), torch.ones(1, 2))
