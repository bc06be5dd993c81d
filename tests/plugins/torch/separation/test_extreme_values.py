"""Extremes equal their slow twin in value and gradient, whatever the shape, the strides, the ties."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.checkpoint import checkpoint

from relucid.plugins.torch.separation.extreme_values import as_block, extremes, from_block

from .extremes_reference import extremes_reference

AXES = [("unit",), ("point",), ("unit", "point"), ("layer",), ("point", "layer"), ("unit", "point", "layer")]
LAYOUTS = {
    "contiguous": lambda z: z,
    "channels last": lambda z: z.movedim(1, -1).contiguous().movedim(-1, 1) if z.dim() > 1 else z,
    "transposed": lambda z: z.transpose(0, -1).contiguous().transpose(0, -1) if z.dim() > 1 else z,
    "with gaps": lambda z: torch.stack([z, z], -1)[..., 0],
    "expanded": lambda z: z[:1].expand_as(z),
}

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple) | st.sampled_from([(70, 3), (3, 130), (67, 67)])


def both(z, weights, **how):
    """Values, and gradients of a weighted sum plus a ReLU term, of the function and its slow twin."""
    found = []
    for function in (extremes, extremes_reference):
        leaf = z.detach().clone().requires_grad_()
        value = LAYOUTS[how.get("layout", "contiguous")](leaf * 1)
        got = function(value, **{key: how[key] for key in how if key != "layout"})
        weight = torch.as_tensor(np.resize(weights, (2, len(got.high))))
        loss = (weight[0] * got.high).sum() + (weight[1] * got.low).sum() + value.relu().square().sum()
        loss.backward()
        found.append((got, leaf.grad))
    return found


@given(
    shape=shapes,
    place=st.integers(0, 3),
    axes=st.sampled_from(AXES),
    conv_units=st.sampled_from(["channel", "position"]),
    ties=st.sampled_from(["one", "shared"]),
    layout=st.sampled_from(list(LAYOUTS)),
    tied=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_equals_its_slow_twin(shape, place, axes, conv_units, ties, layout, tied, seed):
    generator = np.random.default_rng(seed)
    z = torch.as_tensor(generator.integers(-2, 3, shape) if tied else generator.standard_normal(shape)).double()
    unit_axis = 0 if len(shape) == 1 else 1 + place % (len(shape) - 1)
    how = {"unit_axis": unit_axis, "axes": axes, "conv_units": conv_units, "ties": ties, "layout": layout}
    (fast, fast_gradient), (slow, slow_gradient) = both(z, generator.standard_normal(50), **how)
    assert torch.equal(fast.high, slow.high)
    assert torch.equal(fast.low, slow.low)
    torch.testing.assert_close(fast_gradient, slow_gradient, rtol=1e-12, atol=1e-12)


def test_values_by_numpy():
    """The axes over which each kind of extreme of a feature map is taken."""
    z = np.random.default_rng(0).standard_normal((4, 3, 5, 2)).astype(np.float32)
    cases = {
        ("unit", "channel"): z.max((0, 2, 3)),
        ("point", "channel"): z.max((1, 2, 3)),
        ("unit", "position"): z.max(0).transpose(1, 2, 0).reshape(-1),
        ("point", "position"): z.max(1).reshape(-1),
        ("layer", "channel"): z.max()[None],
    }
    for (axis, conv_units), expected in cases.items():
        found = extremes(torch.as_tensor(z), axes=(axis,), conv_units=conv_units)
        np.testing.assert_array_equal(found.high, expected)
        np.testing.assert_array_equal(-extremes(torch.as_tensor(-z), axes=(axis,), conv_units=conv_units).low, expected)


@pytest.mark.parametrize("conv_units", ["channel", "position"])
@pytest.mark.parametrize("ties", ["one", "shared", "random"])
def test_gradient_by_differences(conv_units, ties):
    torch.manual_seed(0)
    z = torch.randn(3, 4, 2, 2, dtype=torch.float64, requires_grad=True)

    def function(z):
        found = extremes(z * 1, axes=("unit", "point", "layer"), conv_units=conv_units, ties=ties)
        return found.high, found.low

    assert torch.autograd.gradcheck(function, (z,))


def test_all_share_where_all_are_equal():
    z = torch.zeros(4, 3, 2, requires_grad=True)
    found = extremes(z, axes=("unit",), ties="shared")
    found.high.sum().backward()
    assert torch.allclose(z.grad, torch.full_like(z, 1 / 8))


def test_one_of_the_ties_is_drawn_and_each_as_often():
    torch.manual_seed(0)
    z = torch.tensor([[0.0, 1.0], [2.0, 1.0], [2.0, 1.0], [1.0, 1.0]])
    count = torch.zeros_like(z)
    for _ in range(600):
        leaf = z.clone().requires_grad_()
        extremes(leaf, axes=("unit",), ties="random").high.sum().backward()
        assert leaf.grad.sum(0).tolist() == [1.0, 1.0]
        count += leaf.grad
    assert count[:, 0].count_nonzero() == 2
    expected = torch.tensor([[0, 150], [300, 150], [300, 150], [0, 150.0]])
    assert (count - expected).abs().max() < 5 * 150**0.5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_precision(dtype):
    z = torch.randn(6, 4, 3, 3, dtype=dtype, requires_grad=True)
    found = extremes(z * 1)
    assert found.high.dtype == dtype
    (found.high.sum() - found.low.sum()).backward()
    assert z.grad.dtype == dtype
    assert z.grad.abs().sum() > 0


@pytest.mark.parametrize("layout", ["contiguous", "channels last"])
def test_the_gradient_lies_in_memory_as_the_value_does(layout):
    """Otherwise adding it to the gradient of the ReLU would cost more than computing it."""
    value = LAYOUTS[layout](torch.randn(6, 4, 3, 3)).requires_grad_()
    (gradient,) = torch.autograd.grad(extremes(value).high.sum(), value)
    assert gradient.stride() == value.stride()


def test_what_is_overwritten_afterwards_does_not_matter():
    z = torch.randn(6, 4, 3, 3)
    gradients = []
    for activation in (torch.relu, torch.relu_):
        leaf = z.clone().requires_grad_()
        value = leaf * 1
        found = extremes(value)
        (found.high.sum() + activation(value).square().sum()).backward()
        gradients.append(leaf.grad)
    assert torch.equal(*gradients)


def test_a_checkpointed_segment_runs_again_without_it():
    z = torch.randn(6, 4, requires_grad=True)
    kept = []

    def segment(x, *, watched):
        y = x * 2
        if watched and not kept:
            kept.append(extremes(y))
        return y.relu()

    h = checkpoint(segment, z, watched=True, use_reentrant=False)
    (h.sum() + kept[0].high.sum()).backward()
    expected = z.detach().clone().requires_grad_()
    y = expected * 2
    (y.relu().sum() + extremes_reference(y).high.sum()).backward()
    torch.testing.assert_close(z.grad, expected.grad)


def test_a_second_derivative_is_refused():
    z = torch.randn(6, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(extremes(z * 1).high.square().sum(), z, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@given(shape=st.lists(st.integers(1, 4), min_size=0, max_size=5).map(tuple), place=st.integers(0, 4))
def test_a_block_and_back(shape, place):
    z = torch.arange(float(np.prod(shape))).reshape(shape)
    unit_axis = place % max(len(shape), 1)
    block = as_block(z, unit_axis)
    assert block.dim() == 3
    assert torch.equal(from_block(block.contiguous(), z.shape, unit_axis), z)
