"""The papers' nets have the sizes, layers and initial weights given in the papers."""

import math

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch import nn

from relucid.analyzer.errors import OptionError
from relucid.trainers import nets


def size(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def relus(net: nn.Module, x: torch.Tensor) -> int:
    outputs = []
    handles = [m.register_forward_hook(lambda *_: outputs.append(1)) for m in net.modules() if isinstance(m, nn.ReLU)]
    net(x)
    for handle in handles:
        handle.remove()
    return len(outputs)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(("width", "depth"), [(1, 1), (3, 1), (2, 7), (16, 20)])
def test_parameter_counts_are_the_formulas(width, depth, batch_norm):
    built = nets.dense(7, width, depth, 4, batch_norm=batch_norm)
    assert size(built) == nets.dense_parameters(7, width, depth, 4, batch_norm=batch_norm)
    built = nets.conv(3, 8, width, depth, 10, batch_norm=batch_norm)
    assert size(built) == nets.conv_parameters(3, width, depth, 10, batch_norm=batch_norm)


@pytest.mark.parametrize(
    ("net", "parameters"),
    [
        (lambda: nets.resnet(20), 269_722),  # counted by others for CIFAR-10, shortcuts of option A
        (lambda: nets.resnet(32), 464_154),
        (lambda: nets.convnet(20), 269_722),
        (lambda: nets.dense(2, 50, 3, 4), 5454),  # H appendix A.3.2
        (nets.f1, 784 * 512 + 512 + 4 * (512 * 512 + 512) + 512 * 10 + 10),
    ],
)
def test_published_parameter_counts(net, parameters):
    assert size(net()) == parameters


@pytest.mark.parametrize("net", [nets.resnet, nets.convnet, nets.toynet])
def test_depth_20_has_19_relus_and_halves_the_size_twice(net):
    x, sizes = torch.randn(2, 3, 32, 32), []
    built = net(20)
    for stage in built.stages:
        stage.register_forward_hook(lambda *outputs: sizes.append(tuple(outputs[2].shape[1:])))
    assert built(x).shape == (2, 10)
    assert relus(built, x) == 19
    widths = (32, 32, 32) if net is nets.toynet else (16, 32, 64)
    assert sizes[:3] == [(widths[0], 32, 32), (widths[1], 16, 16), (widths[2], 8, 8)]


@pytest.mark.parametrize("net", [nets.resnet, nets.convnet, nets.toynet])
@pytest.mark.parametrize(("activation", "more"), [(nn.PReLU, 1), (nn.LeakyReLU, 0)])
@pytest.mark.parametrize("depth", [20, 32])
def test_another_activation_replaces_every_relu(net, activation, more, depth):
    built = net(depth, activation=activation)
    assert sum(isinstance(module, activation) for module in built.modules()) == depth - 1
    assert not any(isinstance(module, nn.ReLU) for module in built.modules())
    assert size(built) == size(net(depth)) + more * (depth - 1)


def test_shortcuts_are_every_other_pixel_and_zeros_for_new_channels():
    net = nets.resnet(8).eval()
    for block in [stage[0] for stage in net.stages]:
        nn.init.zeros_(block.conv2.weight)
    x = torch.randn(2, 3, 8, 8)
    out = net.stages(net.conv(x))
    assert torch.equal(out[:, :16], net.conv(x)[:, :, ::4, ::4])
    assert out[:, 16:].abs().max() == 0


@pytest.mark.parametrize("depth", [2, 7, 21])
def test_a_residual_net_of_another_depth_is_refused(depth):
    with pytest.raises(OptionError, match="6 n \\+ 2"):
        nets.resnet(depth)


def test_a_conv21_layer_pads_behind_the_last_row():
    """TensorFlow's SAME, written out: row 0 sees rows 0 and 1, row 1 sees itself and a zero."""
    net = nets.conv21(3, 2).double()
    x = torch.randn(5, 2, dtype=torch.float64)
    rows = [x.numpy()[:, [0]], x.numpy()[:, [1]]]
    for layer in net.layers:
        kernel = layer.affine.weight.detach().numpy()[..., 0]
        here, behind, bias = kernel[:, :, 0].T, kernel[:, :, 1].T, layer.affine.bias.detach().numpy()
        rows = [np.maximum(rows[0] @ here + rows[1] @ behind + bias, 0), np.maximum(rows[1] @ here + bias, 0)]
    flat = np.stack(rows, 2).reshape(5, -1)
    head = net.head.affine
    expected = flat @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    np.testing.assert_allclose(net(x[:, None, :, None]).detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("init", "variance"), [("glorot", 2 / (400 + 300)), ("kaiming", 2 / 400), ("torch", 1 / (3 * 400)), ("zero", 0)]
)
def test_variances_of_the_inits(init, variance):
    layer = nn.Linear(400, 300)
    nets.initialize(layer, init, generator=torch.Generator().manual_seed(0))
    assert layer.weight.var().item() == pytest.approx(variance, rel=0.02)
    bound = math.sqrt(3 * variance)
    assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert layer.bias.abs().max().item() == pytest.approx(bound if init == "torch" else 0, rel=0.05)


def test_torch_init_is_what_torch_does_by_itself():
    torch.manual_seed(3)
    ours, theirs = nn.Conv2d(40, 50, 3), nn.Conv2d(40, 50, 3)
    nets.initialize(ours, "torch")
    assert ours.weight.abs().max().item() == pytest.approx(theirs.weight.abs().max().item(), rel=0.01)
    assert ours.weight.var().item() == pytest.approx(theirs.weight.var().item(), rel=0.05)


def test_zero_init_leaves_the_head_alone():
    net = nets.conv21(4, 3, init="zero")
    assert all(parameter.abs().max() == 0 for parameter in net.layers.parameters())
    assert net.head.affine.weight.abs().max() > 0


def test_an_unknown_init_is_refused():
    with pytest.raises(OptionError, match="glorot, kaiming, torch, zero"):
        nets.dense(2, 3, 1, 1, init="he")


def test_the_same_generator_gives_the_same_net():
    first, second = (nets.conv(1, 8, 2, 3, 4, generator=torch.Generator().manual_seed(5)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("skip", [1, 2, 3])
def test_skips_add_the_activations_to_what_the_relu_reads(skip):
    net = nets.dense(4, 4, 5, 2, skip=skip)
    x = torch.randn(3, 4)
    h, shortcut = x, None
    for number, layer in enumerate(net.layers):
        z = layer.affine(h)
        joins = number % skip == 0
        h = torch.relu(z + shortcut if joins and shortcut is not None else z)
        shortcut = h if joins else shortcut
    assert torch.allclose(net(x), net.head.affine(h), atol=1e-6)


@pytest.mark.parametrize(("head", "features"), [("flatten", 3 * 2 * 2), ("concat_pool", 6)])
@pytest.mark.parametrize("skip", [0, 2])
def test_pools_halve_the_size_and_heads_take_what_is_left(head, features, skip):
    net = nets.conv(1, 8, 3, 6, 10, head=head, max_pools=2, skip=skip)
    assert net(torch.randn(2, 1, 8, 8)).shape == (2, 10)
    assert net.head.affine.in_features == features


def test_concat_pool_is_mean_and_maximum():
    net = nets.conv(1, 4, 2, 1, 3)
    x = torch.randn(2, 1, 4, 4)
    maps = torch.relu(net.layers[0].affine(x)).detach().numpy()
    expected = np.concatenate([maps.mean((2, 3)), maps.max((2, 3))], 1)
    np.testing.assert_allclose(net.head.pool(torch.from_numpy(maps)).numpy(), expected, rtol=1e-6)


def test_dropout_is_on_every_layers_input():
    net = nets.dense(3, 4, 2, 1, dropout=0.5)
    order = [type(module).__name__ for module in net.layers[0].children()]
    assert order == ["Dropout", "Linear", "Identity", "ReLU"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_pools": 4}, "at most log2 of the size 8"),
        ({"head": "mean"}, "flatten or concat_pool"),
        ({"depth": 0}, "at least 1"),
    ],
)
def test_invalid_conv_options_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        nets.conv(**{"channels": 1, "size": 8, "width": 2, "depth": 3, "classes": 2} | options)


def test_f1_has_five_relus_and_takes_images():
    net = nets.f1(inputs=64)
    assert relus(net, torch.zeros(2, 1, 8, 8)) == 5
    assert sum(isinstance(m, nn.BatchNorm1d) for m in nets.f1(batch_norm=True).modules()) == 5
