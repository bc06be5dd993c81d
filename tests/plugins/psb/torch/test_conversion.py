"""The torch layer, the ONNX function in stock onnxruntime and the integer reference agree, bit for bit."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from relucid.analyzer.errors import ModelError, OptionError
from relucid.plugins import psb
from relucid.plugins.psb import reference
from relucid.plugins.psb import torch as psb_torch

SETTINGS = settings(max_examples=20)
CONVOLUTIONS = {
    False: (nn.Conv1d, nn.Conv2d, nn.Conv3d),
    True: (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
}
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@st.composite
def convolutions(draw: st.DrawFn):
    """A convolution of one to three axes, transposed or not, with any geometry that leaves something to compute."""
    axes, transposed = draw(st.integers(1, 3)), draw(st.booleans())
    groups, units, inputs = draw(st.sampled_from([1, 1, 2, 3])), draw(st.integers(1, 3)), draw(st.integers(1, 2))

    def by_axis(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(low, high), min_size=axes, max_size=axes)))

    geometry = {"stride": by_axis(1, 3), "padding": by_axis(0, 1), "dilation": by_axis(1, 2)}
    if transposed:
        geometry["output_padding"] = tuple(s - 1 for s in geometry["stride"])
    kernel, size = by_axis(1, 3), by_axis(5, 6)
    build = CONVOLUTIONS[transposed][axes - 1]
    module = build(groups * inputs, groups * units, kernel, groups=groups, bias=draw(st.booleans()), **geometry)
    return module, (groups * inputs, *size)


def spread(module: nn.Module, random: np.random.Generator) -> None:
    """Weights over many powers of two, some of them zero or powers of two themselves."""
    with torch.no_grad():
        for parameter in module.parameters():
            w = random.standard_normal(parameter.shape) * np.exp2(random.integers(-12, 3, parameter.shape))
            w[random.random(w.shape) < 0.1] = 0
            w[random.random(w.shape) < 0.1] = 0.25
            parameter.copy_(torch.from_numpy(w))


def as_onnx(module: nn.Module, shape: tuple[int, ...], build):
    """The same layer as an ONNX model, written by hand."""
    weights = {name: parameter.detach().numpy() for name, parameter in module.named_parameters()}
    inputs = ["x", *weights]
    if isinstance(module, nn.Linear):
        if len(shape) == 1:
            return build(x=("batch", *shape), weights=weights, nodes=[("Gemm", inputs, {"transB": 1})])
        weights["weight"] = weights["weight"].T.copy()
        nodes = [("MatMul", ["x", "weight"], {})] + [("Add", ["v0", "bias"], {})] * ("bias" in weights)
        return build(x=("batch", *shape), weights=weights, nodes=nodes)
    if isinstance(module, NORMS):
        weights |= {"mean": module.running_mean.numpy(), "var": module.running_var.numpy()}
        nodes = [("BatchNormalization", ["x", *weights], {"epsilon": module.eps})]
        return build(x=("batch", *shape), weights=weights, nodes=nodes)
    attributes = {"group": module.groups, "strides": module.stride, "dilations": module.dilation}
    attributes |= {"pads": module.padding * 2, "kernel_shape": module.kernel_size}
    kind = "Conv"
    if isinstance(module, CONVOLUTIONS[True]):
        attributes["output_padding"] = module.output_padding
        kind = "ConvTranspose"
    return build(x=("batch", *shape), weights=weights, nodes=[(kind, inputs, attributes)])


def agree(module: nn.Module, shape: tuple[int, ...], build, run, *, samples: int, seed: int, calibrated: bool, **how):
    """Compare all three for the same weights, samples and seed."""
    random = np.random.default_rng(seed % 1000)
    x = (random.standard_normal((3, *shape)) * 10).astype(np.float32)
    rewritten = psb.rewrite(as_onnx(module, shape, build), calibrate=x if calibrated else None, **how)
    (layer,) = rewritten.layers
    converted = psb_torch.convert(module, (torch.from_numpy(x),), samples=samples, seed=seed, **how).eval()
    psb_torch.adopt(converted, rewritten)
    with torch.no_grad():
        found = converted(torch.from_numpy(x)).numpy()
    meant = reference.apply(layer, x, table=rewritten.table, samples=samples, seed=seed).reshape(found.shape)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, meant)
    np.testing.assert_array_equal(found, run(rewritten.ir, x, samples=samples, seed=seed))


counts = st.sampled_from([1, 2, 4, 16])
seeds = st.integers(0, 2**63 - 1)
levels = st.builds(psb.Levels, st.integers(1, 5), st.sampled_from(["nearest", "ends", "middles"]))


@SETTINGS
@given(convolutions(), counts, seeds, levels, st.booleans(), st.booleans(), st.booleans())
def test_convolutions(build, run, made, samples, seed, levels, per_image, calibrated, flush):
    module, shape = made
    spread(module, np.random.default_rng(seed % 997))
    how = {"levels": levels, "per_image": per_image, "flush_to_zero": flush}
    agree(module, shape, build, run, samples=samples, seed=seed, calibrated=calibrated, **how)


@SETTINGS
@given(st.lists(st.integers(1, 3), max_size=2), st.integers(1, 9), st.integers(1, 5), st.booleans(), counts, seeds)
def test_linear_layers(build, run, between, inputs, units, bias, samples, seed):
    module = nn.Linear(inputs, units, bias=bias)
    spread(module, np.random.default_rng(seed % 997))
    how = {"exponent_bits": 2 + seed % 3, "exact_dyadics": bool(seed % 2), "most_samples": 16}
    agree(module, (*between, inputs), build, run, samples=samples, seed=seed, calibrated=bool(seed % 5 < 2), **how)


@SETTINGS
@given(st.integers(0, 3), st.integers(1, 4), counts, seeds, st.booleans())
def test_lone_batch_norms(build, run, axes, units, samples, seed, per_image):
    random = np.random.default_rng(seed % 997)
    module = NORMS[max(axes - 1, 0)](units)
    spread(module, random)
    module.running_mean.copy_(torch.from_numpy(random.standard_normal(units)))
    module.running_var.copy_(torch.from_numpy(random.gamma(1, 4, units)))
    shape = (units, *[3] * axes)
    agree(module, shape, build, run, samples=samples, seed=seed, calibrated=bool(seed % 2), per_image=per_image)


def test_training_draws_as_evaluation_does_and_goes_on_to_the_next_seed():
    x = torch.randn(4, 6)
    net = psb_torch.convert(nn.Linear(6, 3), (x,), samples=2, seed=40)
    first, second = net(x), net(x)
    assert int(net.seed) == 42
    for seed, drawn in ((40, first), (41, second)):
        with psb_torch.sampling(net.eval(), seed=seed):
            assert torch.equal(net(x), drawn)
    assert not torch.equal(first, second)
    assert int(net.seed) == 42


def test_sampling_restores_what_was_and_refuses_what_the_table_has_not():
    x = torch.zeros(1, 2)
    net = psb_torch.convert(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), (x,), most_samples=8, samples=2)
    with pytest.raises(OptionError, match="power of two from 1 to 8"), psb_torch.sampling(net, samples=16):
        pass
    with psb_torch.sampling(net, samples=8, seed=3):
        assert [(layer.samples, int(layer.seed)) for layer in net] == [(8, 3), (8, 3)]
    with pytest.raises(RuntimeError, match="shapes"), psb_torch.sampling(net, samples=8, seed=3):
        net(torch.zeros(1, 5))
    assert [(layer.samples, int(layer.seed)) for layer in net] == [(2, 0), (2, 0)]
    with pytest.raises(ModelError, match="convert it first"), psb_torch.sampling(nn.Linear(1, 1)):
        pass


def test_a_conversion_leaves_the_module_as_it_was():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout())
    net[1].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    made = psb_torch.convert(net, (torch.randn(1, 1, 4, 4),))
    assert [type(part) for part in net] == [nn.Conv2d, nn.BatchNorm2d, nn.Dropout]
    assert [part.training for part in net] == [True, False, True]
    assert [part.training for part in made] == [True, True, True]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


class Branches(nn.Module):
    """Batch norms that can be folded, one whose input another function reads too, one after an addition."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(2, 2, 3, padding=1) for _ in range(3))
        self.norm_a, self.norm_b, self.norm_c, self.norm_sum = (nn.BatchNorm2d(2) for _ in range(4))
        self.unused = nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = self.norm_a(self.a(x))
        b = self.b(x)
        b = self.norm_b(b) + b
        c = self.norm_c(self.c(x).relu_())
        return self.norm_sum(a + b + c)


def test_only_what_a_norm_alone_reads_is_folded():
    made = psb_torch.convert(Branches(), (torch.randn(1, 2, 4, 4),))
    kinds = {path: part.kind for path, part in made.named_modules() if isinstance(part, psb_torch.PsbLayer)}
    assert kinds == {
        "a": "Conv",
        "b": "Conv",
        "norm_b": "Scale",
        "c": "Conv",
        "norm_c": "Scale",
        "norm_sum": "Scale",
    }
    assert isinstance(made.norm_a, nn.Identity)
    assert made.a.norm is not None
    assert [layer.number for layer in (made.a, made.b, made.norm_b, made.c, made.norm_c, made.norm_sum)] == [*range(6)]
    assert type(made.unused) is nn.Linear


def test_excluded_layers_stay_in_float():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    made = psb_torch.convert(net, (torch.zeros(1, 2),), exclude="0")
    assert [type(part) for part in made] == [nn.Linear, nn.ReLU, psb_torch.PsbLayer]
    assert made[2].number == 0
    with pytest.raises(OptionError, match="got '9'; there are 0, 2"):
        psb_torch.convert(net, (torch.zeros(1, 2),), exclude="9")


def test_what_cannot_be_converted_is_one_line():
    with pytest.raises(ModelError, match="got none; check the module"):
        psb_torch.convert(nn.ReLU(), (torch.zeros(1),))
    shared = nn.Linear(2, 2)
    with pytest.raises(ModelError, match="got several of '0'"):
        psb_torch.convert(nn.Sequential(shared, shared), (torch.zeros(1, 2),))
    with pytest.raises(OptionError, match="power of two"):
        psb_torch.convert(shared, (torch.zeros(1, 2),), samples=3)
    with pytest.raises(ModelError, match="a layer, a batch norm, or both, got neither"):
        psb_torch.PsbLayer(None, None, psb_torch.convert(shared, (torch.zeros(1, 2),)).weight_format)
