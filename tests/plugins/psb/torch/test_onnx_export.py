"""A trained PSB module and its exported model have the same outputs for the same draws."""

import numpy as np
import onnxruntime as ort
import pytest

pytest.importorskip("torch")
import torch
from torch import nn
from torch.nn import functional as F

from relucid.analyzer.errors import ModelError, OptionError
from relucid.plugins import psb
from relucid.plugins.psb import torch as psb_torch

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")


class Net(nn.Module):
    """Convolutions with batch norms, one after an addition, a transposed one, a product that is not a module."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(2, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.norm2 = nn.Conv2d(8, 8, 3, padding=1, groups=2), nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.mixing = nn.Parameter(torch.randn(64, 16) / 8)
        self.classes = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = F.relu(self.norm1(self.conv1(x)))
        h = F.relu(self.norm2(self.conv2(h) + h))
        h = F.max_pool2d(F.relu(self.up(h)), 2)
        return self.classes(F.relu(h.flatten(1) @ self.mixing))


@pytest.fixture(scope="module")
def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 3, (32,), generator=generator)
    x = torch.randn(32, 2, 4, 4, generator=generator) + y[:, None, None, None]
    return x, y


@pytest.fixture(scope="module")
def trained(data) -> nn.Module:
    """Fine-tuned at two samples, so that running statistics and weights are no longer the initial ones."""
    torch.manual_seed(1)
    x, y = data
    net = psb_torch.convert(Net(), (x,), samples=2, seed=17, exclude="conv1")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for _ in range(15):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    return net.eval()


def test_module_and_model_give_the_same_outputs(trained, data, tmp_path):
    x, _ = data
    rewritten = psb_torch.export(trained, (x,), calibrate=x.numpy())
    assert [layer.kind for layer in rewritten.layers] == ["Conv", "Scale", "ConvTranspose", "MatMul"]
    psb_torch.adopt(trained, rewritten)
    assert trained.conv2.fraction_in == rewritten.layers[0].fraction_in != 10
    psb.save(rewritten, tmp_path / "net.onnx")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(tmp_path / "net.onnx", options)
    name = session.get_inputs()[0].name
    for samples, seed in ((2, 17 + 15), (1, 3), (64, 2**62)):
        with torch.no_grad(), psb_torch.sampling(trained, samples=samples, seed=seed):
            ours = trained(x).numpy()
        feed = {name: x.numpy(), "samples": np.array(samples), "seed": np.array(seed)}
        theirs = session.run(None, feed)[0]
        # conv1 and the product that is no module are sums in float32, whose order is each library's own
        share = (ours == theirs).mean()
        assert share > 0.8, share
        np.testing.assert_allclose(ours, theirs, atol=0.05)


def test_where_nothing_is_left_in_float_they_agree_bit_for_bit(data):
    x, y = data
    torch.manual_seed(2)
    net = nn.Sequential(
        *(nn.Conv2d(2, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.BatchNorm2d(8)),
        *(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)),
    )
    made = psb_torch.convert(net, (x,), samples=4, levels=psb.Levels(2, "ends"), most_samples=64)
    made[0].samples = 8
    optimizer = torch.optim.SGD(made.parameters(), lr=0.05)
    for _ in range(5):
        optimizer.zero_grad()
        F.cross_entropy(made(x), y).backward()
        optimizer.step()
    made.eval()
    plain = psb_torch.export(made, (x,))
    run = started(plain)
    with torch.no_grad():
        np.testing.assert_array_equal(run(x.numpy()), made(x).numpy())  # defaults of the inputs, Q5.10 everywhere
    calibrated = psb_torch.export(made, (x,), calibrate=x.numpy())
    assert not np.array_equal(started(calibrated)(x.numpy()), run(x.numpy()))
    psb_torch.adopt(made, calibrated)
    with torch.no_grad():
        np.testing.assert_array_equal(started(calibrated)(x.numpy()), made(x).numpy())
        made[0].samples = 4
        assert not np.array_equal(started(calibrated)(x.numpy()), made(x).numpy())


def test_another_model_is_not_adopted(data):
    x, _ = data
    one, other = (psb_torch.convert(nn.Conv2d(2, 2, 3), (x,)) for _ in range(2))
    rewritten = psb_torch.export(one, (x,))
    psb_torch.adopt(one, rewritten)
    with pytest.raises(ModelError, match="a Conv with the weights of PSB layer 0 in the model, got none"):
        psb_torch.adopt(other, rewritten)


def test_layers_stored_in_different_ways_are_not_one_model():
    x = torch.zeros(1, 2)
    coarse, fine = (psb_torch.convert(nn.Linear(2, 2), (x,), exponent_bits=k) for k in (3, 4))
    with pytest.raises(OptionError, match="the same weight format"):
        psb_torch.export(nn.Sequential(coarse, fine), (x,))


def started(rewritten: psb.Rewritten):
    from onnx_ir import to_proto

    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(to_proto(rewritten.ir).SerializeToString(), options)
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]
