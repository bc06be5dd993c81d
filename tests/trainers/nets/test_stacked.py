"""Stacked nets compute and differentiate as each net would alone."""

import pytest

pytest.importorskip("torch")
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from relucid.analyzer.errors import OptionError
from relucid.trainers.nets import StackedNets, conv21
from relucid.trainers.nets.stacked import Stack, dense_form, trunk, trunk_reference

from ..small_nets import BUILD, DEPTHS, build_nets, shape_points


@pytest.fixture(autouse=True)
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def weights(stack: Stack, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    count = len(stack.depths)
    shapes = [(count, 4, 2), (stack.cells - count, 4, 4), (stack.cells, 4, 1)]
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]


@settings(max_examples=25)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=5).map(lambda depths: Stack(tuple(sorted(depths, reverse=True)))),
    st.booleans(),
    st.booleans(),
    st.integers(0, 1000),
)
def test_trunk_is_its_slow_twin(stack, dropped, own_inputs, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(*([len(stack.depths)] * own_inputs), 2, 7, generator=generator)
    keep = None
    if dropped:
        keep = torch.rand(stack.cells - len(stack.depths), 4, 7, generator=generator).gt(0.3).double() / 0.7
    results = []
    for function in (trunk, trunk_reference):
        parameters = weights(stack, seed)
        z, top = function(x, *parameters, stack=stack, keep=keep)
        (z.sin().sum() + (top * 0.7).cos().sum()).backward()
        gradients = [p.grad if p.numel() else torch.zeros_like(p) for p in parameters]
        results.append([z, top, *gradients])
    for fast, slow in zip(*results, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-9, atol=1e-9)


def test_trunk_without_a_loss_on_z():
    stack, x, gradients = Stack((3, 2)), torch.randn(2, 5), []
    for function in (trunk, trunk_reference):
        parameters = weights(stack, 0)
        function(x, *parameters, stack=stack)[1].sum().backward()
        gradients.append([parameter.grad for parameter in parameters])
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("depths", [(), (2, 3), (1, 0)])
def test_a_stack_has_the_deepest_net_first(depths):
    with pytest.raises(ValueError, match="decreasing order"):
        Stack(depths)


def test_dense_form_is_a_convolution_with_a_zero_row_at_the_end():
    kernel, x = torch.randn(1, 2, 3, 4), torch.randn(1, 4, 2)
    expected = F.conv1d(F.pad(x, (0, 1)), kernel[0].permute(1, 2, 0))
    product = dense_form(kernel)[0] @ x[0].T.reshape(-1)
    torch.testing.assert_close(product.view(2, 3).T, expected[0])


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("arch", BUILD)
def test_a_stack_computes_what_its_nets_compute(arch, batch_norm):
    nets = build_nets(arch, batch_norm=batch_norm)
    stacked, x = StackedNets(nets), torch.randn(20, 2)
    for mode in (True, True, False):
        stacked.train(mode)
        logits, z = stacked(x)
        assert z.shape[0] == sum(DEPTHS)
        for net, line in zip(nets, logits, strict=True):
            torch.testing.assert_close(line, net.train(mode)(shape_points(arch, x))[:, 0], rtol=1e-9, atol=1e-9)


def test_nets_of_two_widths_cannot_be_stacked():
    with pytest.raises(OptionError, match="one width"):
        StackedNets([conv21(3, 2), conv21(2, 2)])
