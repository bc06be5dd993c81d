"""Probes in the graph that onnxruntime has optimized: the same report, whether values are in blocks or not."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest

from relucid.analyzer.analysis import analyze
from relucid.analyzer.errors import ModelError
from relucid.analyzer.model import load
from relucid.analyzer.native import unavailable_reason
from relucid.analyzer.runtime import optimized_graph, probe_setup
from relucid.analyzer.runtime.optimized_graph import optimize_graph
from relucid.analyzer.runtime.probe_setup import NATIVE
from relucid.analyzer.sites import find_sites

from .. import reference
from ..small import model, perceptron, samples

pytestmark = pytest.mark.skipif(unavailable_reason() is not None, reason=f"no native probes: {unavailable_reason()}")

MEASURES = ["units", "points", "patterns", "vni", "global_patterns"]


def convolution(*shape: int, seed: int) -> np.ndarray:
    fan_in = int(np.prod(shape[1:]))
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * np.float32(np.sqrt(2 / fan_in))


def residual(channels: int = 20) -> onnx.ModelProto:
    """A shortcut around two convolutions; behind it a pool, other functions than a ReLU, a Concat and plain readers."""
    same = "<pads = [1, 1, 1, 1]>"
    return model(
        f"""g (float[N, 3, 12, 10] x) => (float[N, 5] y, float[N, {channels}, 12, 10] b) {{
            za = Conv {same} (x, W1, B)
            a = Relu (za)
            zb = Conv {same} (a, W2, B)
            b = Relu (zb)
            zc = Conv {same} (b, W3, B)
            sum = Add (zc, a)
            c = Relu (sum)
            zd = Conv {same} (c, W4, B)
            d = Clip (zd, zero, six)
            ze = Conv {same} (d, W5, B)
            e = LeakyRelu <alpha = 0.1> (ze)
            both = Concat <axis = 1> (c, e)
            pooled = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (both)
            zf = Conv {same} (pooled, W6)
            f = Relu (zf)
            mean = GlobalAveragePool (f)
            flat = Flatten (mean)
            slice = Slice (c, zero_row, two_row, one_row)
            few = Flatten (slice)
            plain = Gemm (few, V)
            y = Gemm (flat, U, plain)
        }}""",
        W1=convolution(channels, 3, 3, 3, seed=1),
        **{f"W{i}": convolution(channels, channels, 3, 3, seed=i) for i in range(2, 6)},
        W6=convolution(32, 2 * channels, 3, 3, seed=6),
        B=np.linspace(-1, 1, channels, dtype=np.float32),
        U=convolution(32, 5, seed=7),
        V=convolution(2 * 120, 5, seed=8),
        zero=np.float32(0),
        six=np.float32(6),
        zero_row=np.array([0]),
        one_row=np.array([1]),
        two_row=np.array([2]),
    )


def values_in_blocks(graph: onnx.ModelProto) -> set[str]:
    """Names of the sites whose values the optimized graph contains in blocks."""
    loaded = load(graph)
    values = {site.value: site.name for site in find_sites(loaded.ir)}
    with optimize_graph(loaded, set(values), blocks=set(values), threads=1, custom_ops=None) as found:
        return set() if found is None else {values[name] for name in found[1]}


@pytest.mark.parametrize(("channels", "units"), [(16, "channel"), (20, "channel"), (48, "channel"), (20, "position")])
@pytest.mark.parametrize("measures", [MEASURES, ["units", "points"], ["preactivation_vni"]])
def test_a_report_is_that_of_numpy(channels: int, units: str, measures: list[str]) -> None:
    graph, x = residual(channels), samples(23, 3, 12, 10)
    options = {"units": units, "measures": measures, "batch": 5, "threads": 2}
    probed, tapped = (analyze(graph, x, portable=each, **options) for each in (False, True))
    assert probed.provenance["way"] == NATIVE
    assert reference.differences(probed, tapped, vni=1e-6, extents=1e-5) == []


def test_between_convolutions_values_are_in_blocks() -> None:
    assert {"a", "c"} <= values_in_blocks(residual(32))


def test_where_there_are_none_the_model_stays_as_it_is() -> None:
    assert values_in_blocks(perceptron()) == set()
    lines = model(
        "g (float[N, 3, 6] x) => (float[N, 5, 4] y) { z = Conv (x, W) y = Relu (z) }", W=convolution(5, 3, 3, seed=1)
    )
    assert values_in_blocks(lines) == set()


def test_a_block_is_as_long_as_the_runtime_says() -> None:
    size = optimized_graph.block_size()
    assert size in (8, 16)
    graph = model(
        "g (float[N, 32, 5, 5] x) => (float[N, 32, 1, 1] y) { z = Conv (x, W) a = Relu (z) y = Conv (a, V) }",
        W=convolution(32, 32, 3, 3, seed=1),
        V=convolution(32, 32, 3, 3, seed=2),
    )
    with optimize_graph(load(graph), {"z"}, blocks={"z"}, threads=1, custom_ops=None) as found:
        assert found is not None
        ((name, _),) = found[1].values()
        shape = next(out.shape for node in found[0].ir.graph for out in node.outputs if out.name == name)
        assert list(shape)[1:] == [32, 3, 3]


def test_a_model_that_the_runtime_cannot_read_again_is_probed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, x = residual(32), samples(20, 3, 12, 10)
    expected = analyze(graph, x, measures=MEASURES)

    def refused(*_: object, **__: object) -> None:
        raise ModelError("cannot read again")

    monkeypatch.setattr(probe_setup, "optimize_graph", refused)
    found = analyze(graph, x, measures=MEASURES)
    assert found.provenance["way"] == NATIVE
    assert reference.differences(found, expected, vni=1e-6, extents=1e-5) == []


def test_where_nothing_can_be_written_a_model_is_probed_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    graph, x = residual(32), samples(20, 3, 12, 10)
    expected = analyze(graph, x, measures=MEASURES)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    found = analyze(graph, x, measures=MEASURES)
    assert found.provenance["way"] == NATIVE
    assert reference.differences(found, expected, vni=1e-6, extents=1e-5) == []


def test_weights_in_other_files_are_found(tmp_path: Path) -> None:
    graph, x = residual(32), samples(20, 3, 12, 10)
    expected = analyze(graph, x, measures=MEASURES)
    path = tmp_path / "model.onnx"
    onnx.save(graph, path, save_as_external_data=True, size_threshold=1000)
    assert sorted(file.name for file in tmp_path.iterdir()) != ["model.onnx"]
    assert reference.differences(analyze(path, x, measures=MEASURES), expected, vni=0, extents=0) == []
