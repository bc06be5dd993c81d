"""Straight-through gradients."""

import pytest

pytest.importorskip("torch")
import torch

from relucid.analyzer.errors import OptionError
from relucid.plugins.psb import torch as psb_torch


def test_straight_through_passes_everything_on():
    x = torch.randn(7, requires_grad=True)
    upstream = torch.randn(7, dtype=torch.float64)
    y = psb_torch.straight_through(x, x.detach().sign().double())
    y.backward(upstream)
    assert y.dtype == torch.float64
    assert torch.equal(y, x.detach().sign().double())
    assert torch.equal(x.grad, upstream.float())


@pytest.mark.parametrize(("by", "kept"), [("gradient", [False, True, False]), ("value", [True, True, False])])
def test_clipped_straight_through_passes_on_what_is_below_the_limit(by, kept):
    x = torch.tensor([-1.9, 0.1, 2.0], requires_grad=True)
    upstream = torch.tensor([2.0, -1.5, -9.0])
    psb_torch.clipped_straight_through(x, x.round(), limit=2.0, by=by).backward(upstream)
    assert torch.equal(x.grad, upstream * torch.tensor(kept))


def test_a_clip_without_meaning_is_refused():
    x = torch.zeros(1)
    with pytest.raises(OptionError, match="positive number, got 0"):
        psb_torch.clipped_straight_through(x, x, limit=0)
    with pytest.raises(OptionError, match="gradient or value, got 'size'"):
        psb_torch.clipped_straight_through(x, x, by="size")
