"""Every form of a ReLU-like call is captured before it overwrites its input; nothing else is captured."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from relucid.analyzer.sites import KINDS
from relucid.plugins.torch import Capture

from .recorder import Recorder

USES = {
    "relu module": nn.ReLU(),
    "relu module in place": nn.ReLU(inplace=True),
    "functional.relu": functional.relu,
    "functional.relu in place": lambda z: functional.relu(z, inplace=True),
    "functional.relu_": functional.relu_,
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "method": lambda z: z.relu(),
    "method in place": lambda z: z.relu_(),
    "by keyword": lambda z: functional.relu(input=z),
    "clamp": lambda z: z.clamp(min=0),
    "clamp_": lambda z: z.clamp_(min=0.0),
    "torch.clamp": lambda z: torch.clamp(z, 0),
    "clamp with a cap": lambda z: torch.clamp(z, 0, 6),
    "clip": lambda z: z.clip(0),
    "clamp_min": lambda z: z.clamp_min(0),
    "clamp_min_": lambda z: torch.clamp_min_(z, 0),
    "maximum": lambda z: torch.maximum(z, torch.zeros(())),
    "maximum, exchanged": lambda z: torch.zeros_like(z).maximum(z),
    "max": lambda z: torch.max(z, torch.zeros(1)),
    "leaky_relu": functional.leaky_relu,
    "leaky_relu_": functional.leaky_relu_,
    "prelu": nn.PReLU(),
    "relu6": nn.ReLU6(),
    "hardtanh": nn.Hardtanh(0, 2, inplace=True),
    "threshold": nn.Threshold(0, 0, inplace=True),
    "elu": nn.ELU(),
    "elu in place": nn.ELU(inplace=True),
    "celu": nn.CELU(),
    "selu": nn.SELU(inplace=True),
    "hardswish": nn.Hardswish(inplace=True),
    "hardsigmoid": nn.Hardsigmoid(),
    "gelu": nn.GELU("tanh"),
    "silu": nn.SiLU(inplace=True),
    "mish": nn.Mish(inplace=True),
    "softplus": nn.Softplus(),
}


NO_USES = {
    "clamp below": lambda z: z.clamp(min=-1),
    "clamp from above": lambda z: z.clamp(max=0),
    "maximum of two": lambda z: torch.maximum(z, -z),
    "learnt bound": lambda z: torch.maximum(z, torch.zeros((), requires_grad=True)),
    "max over an axis": lambda z: z.max(0).values,
    "tanh": torch.tanh,
    "hardtanh": functional.hardtanh,
    "threshold elsewhere": nn.Threshold(0.5, 0),
    "integers": lambda z: z.long().relu(),
}


class Use(nn.Module):
    """One linear map and one use of its output."""

    def __init__(self, use):
        super().__init__()
        self.linear, self.use = nn.Linear(4, 5), use

    def forward(self, x):
        return self.use(self.linear(x))


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_every_use_is_captured_before_it_overwrites(use):
    model, recorder, x = Use(use), Recorder(), torch.randn(20, 4)
    capture = Capture(model, recorder)
    model(x)
    (site,) = capture.sites
    assert torch.equal(recorder.values[site.name], model.linear(x))
    assert recorder.with_graph[site.name]
    assert site.kind in KINDS


@pytest.mark.parametrize("use", NO_USES.values(), ids=NO_USES)
def test_what_does_not_switch_at_0_is_no_site(use):
    model = Use(use)
    capture = Capture(model, Recorder())
    model(torch.randn(20, 4))
    assert capture.sites == ()
