"""The fused penalty and its gradient are those of the plugin."""

import pytest

pytest.importorskip("torch")
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.plugins.torch.separation.extreme_values import extremes
from relucid.plugins.torch.separation.separation_loss import penalty as reference
from relucid.trainers.recipes.grids.fused_penalty import IMAGE_AXES, STACK_AXES, make_formula, penalty
from relucid.trainers.recipes.methods import Method


@pytest.fixture(autouse=True)
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


FAMILIES = [("unit",), ("point",), ("unit", "point"), ("layer",)]


def plugin_penalty(z: torch.Tensor, how: Method, unit_axis: int) -> torch.Tensor:
    """Penalty of z (sample, ...) by the plugin."""
    found = extremes(z, unit_axis=unit_axis, axes=how.axes, conv_units="position", ties="shared")
    return reference([found], [1.0], margin=how.margin, balance=how.balance, aggregation="sumsq")


@settings(max_examples=60)
@given(
    st.integers(0, 10_000),
    st.sampled_from(FAMILIES),
    st.floats(0, 1),
    st.sampled_from([(1.0, -1.0), (1.0, 0.0), (0.5, -2.0)]),
    st.booleans(),
    st.booleans(),
)
def test_the_fused_penalty_is_the_plugins(seed, axes, balance, margin, tied, stacked):
    how = Method("any", axes, balance=balance, margin=margin)
    z = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(seed))
    if tied:
        z = (2 * z).round() / 2
    z.requires_grad_()
    fast = penalty(z, make_formula(how, STACK_AXES if stacked else IMAGE_AXES, compiled=False))
    parts = [cell.permute(2, 1, 0) for cell in z] if stacked else [z]
    slow = sum(plugin_penalty(part, how, 1) for part in parts)
    torch.testing.assert_close(fast, slow)
    torch.testing.assert_close(*(torch.autograd.grad(value, z)[0] for value in (fast, slow)))


@pytest.mark.parametrize("axes", FAMILIES)
def test_the_penaltys_gradient(axes):
    z = torch.randn(2, 2, 3, 4, generator=torch.Generator().manual_seed(2)).mul(0.5).requires_grad_()
    formula = make_formula(Method("any", axes, balance=0.6), STACK_AXES, compiled=False)
    assert torch.autograd.gradcheck(lambda z: penalty(z, formula), (z,))
