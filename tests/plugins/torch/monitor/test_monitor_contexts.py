"""A monitor of compiled, checkpointed and mixed-precision models, and of sites that cannot be captured."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch.utils.checkpoint import checkpoint

from relucid.analyzer.errors import ModelError
from relucid.plugins.torch import Monitor

from .small_net import batches, net


def test_changing_sites_are_reported_and_points_are_not_followed():
    class Moody(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.calls = nn.Linear(2, 2), nn.Linear(2, 2), 0

        def forward(self, x):
            self.calls += 1
            x = F.relu(self.a(x))
            return F.gelu(self.b(x)) if self.calls % 2 else x

    model = Moody()
    monitor = Monitor(model, every=1, window=2)
    for _ in range(2):
        model(torch.randn(4, 2)).sum().backward()
    assert [(site.kind, site.samples) for site in monitor.report] == [("relu", 8), ("gelu", 4)]
    assert "No traces of points" in monitor.report.notes[0]
    assert "vni" not in monitor.report["gelu"].values
    assert monitor.report["gelu"].preactivation_vni is not None


def test_sites_that_cannot_be_captured_are_reported_with_the_reason():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.RNN(2, 3, nonlinearity="relu", batch_first=True)
            self.head = nn.Linear(3, 3)

        def forward(self, x):
            rows = F.relu(self.head(self.rnn(x)[0]))
            return F.relu(rows.flatten()[:7].reshape(7, 1)) + rows.sum()

    model = Odd()
    monitor = Monitor(model, every=1)
    model(torch.randn(4, 5, 2)).sum().backward()
    reasons = {kind_reason[-1] for kind_reason in monitor.report.not_analysable}
    assert any("inside one torch function" in reason for reason in reasons)
    assert sum(site.samples for site in monitor.report) == 4 + 7


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointed_segments_are_measured_once(reentrant):
    class Segmented(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = net()

        def forward(self, x):
            return checkpoint(self.layers, x, use_reentrant=reentrant)

    model, x = Segmented(), batches(1)[0].requires_grad_()
    monitor = Monitor(model, every=1)
    model(x).sum().backward()
    plain = net()
    expected = Monitor(plain, every=1)
    plain(x).sum().backward()
    assert [site.values["entropy"] for site in monitor.report] == [site.values["entropy"] for site in expected.report]
    assert monitor.state_dict()["steps"] == 1


def test_mixed_precision_is_measured_as_it_runs():
    model, x = net(), batches(1)[0]
    monitor = Monitor(model, every=1)
    with torch.autocast("cpu", torch.bfloat16):
        model(x).sum().backward()
        z = model[0](x)
    np.testing.assert_array_equal(monitor.report["1"].unit_high, z.float().amax((0, 2, 3)).detach().numpy())


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")
def test_a_compiled_model_is_measured_in_every_k_th_step():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = net()

        def forward(self, x):
            return 2 * self.layers(x)

    torch._dynamo.reset()
    model = Scaled()
    counter = CompileCounter()
    compiled = torch.compile(model, backend=counter)
    logged = []
    Monitor(compiled, every=3, log=lambda values, step: logged.append((step, values["layers.4/entropy"])))
    plain, expected = Scaled(), []
    Monitor(plain, every=3, log=lambda values, step: expected.append((step, values["layers.4/entropy"])))
    for x in batches(5):
        compiled(x).sum().backward()
        plain(x).sum().backward()
    assert logged == expected
    assert counter.frame_count > 0
    torch._dynamo.reset()


def test_torchscript_is_an_error():
    with pytest.warns(DeprecationWarning, match="jit"):
        scripted = torch.jit.script(net())
    with pytest.raises(ModelError, match=r"torch\.jit"):
        Monitor(scripted)
