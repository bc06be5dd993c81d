"""Switches inside larger operators: what the runtime's own quantizer and optimizer make of a small net."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from relucid.analyzer.model import load
from relucid.analyzer.sites import Site, find_sites

NET = """g (float[N, 3, 8, 8] x) => (float[N, 4] y) {
    [conv1] c1 = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(x, w1, b1)  [relu1] r1 = Relu(c1)
    [conv2] c2 = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(r1, w2, b2)  [leaky] r2 = LeakyRelu<alpha = 0.1>(c2)
    [add] s = Add(r2, r1)  [relu2] r3 = Relu(s)
    [conv3] c3 = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(r3, w2, b2)  [clip] r4 = Clip(c3, zero, six)
    p = GlobalAveragePool(r4)  f = Flatten(p)  [fc] g = Gemm(f, w4, b4)  [relu3] r5 = Relu(g)
    [out] y = Gemm(r5, w5, b5)
}"""
SHAPES: dict[str, tuple[int, ...]] = {
    "w1": (8, 3, 3, 3),
    "b1": (8,),
    "w2": (8, 8, 3, 3),
    "b2": (8,),
    "w4": (8, 8),
    "b4": (8,),
    "w5": (8, 4),
    "b5": (4,),
}


@pytest.fixture(scope="module")
def net(text_model, tmp_path_factory) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("net") / "net.onnx"
    model = text_model(NET)
    weights = {name: rng.normal(size=shape).astype(np.float32) * 0.3 for name, shape in SHAPES.items()}
    weights |= {"zero": np.float32(0), "six": np.float32(6)}
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(w), name) for name, w in weights.items())
    path.write_bytes(model.SerializeToString())
    return path


def sites(path: Path) -> dict[str, Site]:
    return {site.name: site for site in find_sites(load(path).ir)}


def kinds(path: Path) -> list[tuple[str, bool, int]]:
    return [(site.kind, site.analysable, site.unit_axis) for site in sites(path).values()]


def test_the_net_itself(net):
    assert [(s.name, s.kind, s.unit_axis) for s in sites(net).values()] == [
        ("relu1", "relu", 1),
        ("leaky", "leaky_relu", 1),
        ("relu2", "relu", 1),
        ("clip", "clip", 1),
        ("relu3", "relu", 1),
    ]


@pytest.fixture(scope="module")
def quantized(net) -> Callable[[str, str], Path]:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Noise(CalibrationDataReader):
        def __init__(self) -> None:
            rng = np.random.default_rng(1)
            self.batches = iter([{"x": rng.normal(size=(4, 3, 8, 8)).astype(np.float32)} for _ in range(2)])

        def get_next(self):
            return next(self.batches, None)

    def make(form: str, kind: str) -> Path:
        path = net.with_name(f"{form}_{kind}.onnx")
        quantize_static(
            net,
            path,
            Noise(),
            quant_format=QuantFormat[form],
            activation_type=QuantType[kind],
            weight_type=QuantType.QInt8,
        )
        return path

    return make


@pytest.mark.parametrize("kind", ["QUInt8", "QInt8"])
def test_qdq(quantized, kind):
    """The quantizer drops a ReLU before a QuantizeLinear whose zero point clamps: that one is the switch now."""
    assert kinds(quantized("QDQ", kind)) == [
        ("quantize", True, 1),
        ("leaky_relu", True, 1),
        ("quantize", True, 1),
        ("quantize", True, 1),
        ("quantize", True, 1),
    ]


@pytest.mark.parametrize("kind", ["QUInt8", "QInt8"])
def test_qoperator(quantized, kind):
    found = list(sites(quantized("QOperator", kind)).values())
    assert [(s.kind, s.analysable) for s in found] == [
        ("quantize", False),
        ("leaky_relu", True),
        ("quantize", False),
        ("quantize", False),
        ("quantize", False),
    ]
    assert [s.reason for s in found if s.reason] == [
        f"a zero point clamps the values inside {op}" for op in ("QLinearConv", "QLinearAdd", "QLinearConv", "QGemm")
    ]
    assert found[1].threshold == zero_point(quantized("QOperator", kind))


def zero_point(path: Path) -> float:
    model = onnx.load(path)
    node = next(node for node in model.graph.node if node.op_type == "QLinearLeakyRelu")
    return float(next(numpy_helper.to_array(t) for t in model.graph.initializer if t.name == node.input[2]))


def optimized(net: Path, level: str) -> Path:
    path = net.with_name(f"{level}.onnx")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(path)
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    ort.InferenceSession(str(net), options)
    return path


def test_what_the_runtime_fuses(net):
    found = sites(optimized(net, "ORT_ENABLE_EXTENDED"))
    inside = "{} applies the activation inside; its pre-activation is not a value of the graph"
    assert [(s.kind, s.reason) for s in found.values()] == [
        ("relu", inside.format("FusedConv")),
        ("leaky_relu", inside.format("FusedConv")),
        ("relu", None),
        ("clip", inside.format("FusedConv")),
        ("relu", inside.format("FusedGemm")),
    ]
    assert found["relu2"].unit_axis == 1


def test_what_the_runtime_rearranges_in_blocks(net):
    """Whether it does so depends on the machine; where it does, no axis of the blocked values counts units."""
    path = optimized(net, "ORT_ENABLE_ALL")
    blocked = any(node.domain == "com.microsoft.nchwc" for node in onnx.load(path).graph.node)
    assert sites(path)["relu2"].analysable is not blocked


MICROSOFT = {"domains": {"com.microsoft": 1}}
SMALL = "g (float[N, 4] x) => (float[N, 4] y) <float[4] b = {{1, 2, 3, 4}}> {{ z = Neg(x) {} }}"


@pytest.mark.parametrize(
    ("node", "kind", "analysable"),
    [
        ("y = com.microsoft.Gelu(z)", "gelu", True),
        ("y = com.microsoft.FastGelu(z)", "gelu", True),
        ("y = com.microsoft.FastGelu(z, b)", "gelu", False),
        ("y = com.microsoft.BiasGelu(z, b)", "gelu", False),
        ("y = com.microsoft.QuickGelu<alpha = 1.702>(z)", "quick_gelu", True),
        ("y = com.microsoft.QuickGelu<alpha = 1.0>(z)", "silu", True),
        ('y = com.microsoft.FusedGemm<activation = "Relu">(z, z, b)', "relu", False),
        ('y = com.microsoft.FusedConv<activation = "LeakyRelu", activation_params = [0.1]>(z, b)', "leaky_relu", False),
        ('y = com.microsoft.FusedConv<activation = "Clip", activation_params = [0.0, 6.0]>(z, b)', "clip", False),
        ('q, h = RNN<hidden_size = 4, activations = ["Relu"]>(z, b, b) y = Neg(z)', "relu", False),
        (
            'q, h = LSTM<hidden_size = 4, activations = ["HardSigmoid", "Tanh", "Tanh"]>(z, b, b) y = Neg(z)',
            "hard_sigmoid",
            False,
        ),
    ],
)
def test_operators_that_hold_their_activation(sites_of, node, kind, analysable):
    (site,) = sites_of(SMALL.format(node), **MICROSOFT)
    assert (site.kind, site.analysable) == (kind, analysable)
    assert site.value == ("z" if analysable else "")
    assert analysable or "not a value of the graph" in site.reason


@pytest.mark.parametrize(
    "node",
    [
        'y = com.microsoft.FusedConv<activation = "Tanh">(z, b)',
        'y = com.microsoft.FusedConv<activation = "Clip", activation_params = [-1.0, 1.0]>(z, b)',
        "q, h = RNN<hidden_size = 4>(z, b, b) y = Neg(z)",
        "q, h = GRU<hidden_size = 4>(z, b, b) y = Neg(z)",
        "y = foreign.Gelu(z)",
        "y = foreign.Relu(z)",
    ],
)
def test_operators_that_hold_none(sites_of, node):
    assert sites_of(SMALL.format(node), domains={"com.microsoft": 1, "foreign": 1}) == ()


QUANTIZE = """g (float[N, 4] x) => (float[N, 4] y)
    <float scale = {{0.1}}, uint8 lowest = {{0}}, uint8 middle = {{128}}, int8 bottom = {{-128}}, int8 zero = {{0}},
    float[4, 4] w = {{0}}>
    {{ {} y = DequantizeLinear(q, scale) }}"""


@pytest.mark.parametrize(
    ("nodes", "found"),
    [
        ("z = MatMul(x, w) q = QuantizeLinear(z, scale, lowest)", True),
        ("z = MatMul(x, w) q = QuantizeLinear(z, scale, bottom)", True),
        ("z = MatMul(x, w) q = QuantizeLinear(z, scale)", True),
        ("z = MatMul(x, w) q = QuantizeLinear(z, scale, middle)", False),
        ("z = MatMul(x, w) q = QuantizeLinear(z, scale, zero)", False),
        ("m = MatMul(x, w) z = Add(m, x) q = QuantizeLinear(z, scale, lowest)", True),
        ("z = Sigmoid(x) q = QuantizeLinear(z, scale, lowest)", False),
        ("c = Cast<to = 3>(x) d = DequantizeLinear(c, scale) z = Add(x, d) q = QuantizeLinear(z, scale, lowest)", True),
        (
            "c = Cast<to = 2>(x) d = DequantizeLinear(c, scale) z = Add(x, d) q = QuantizeLinear(z, scale, lowest)",
            False,
        ),
        (
            "c = Cast<to = 2>(x) d = DequantizeLinear(c, scale, middle) z = Add(x, d) "
            "q = QuantizeLinear(z, scale, lowest)",
            True,
        ),
        ("q = QuantizeLinear(x, scale, lowest)", False),
    ],
)
def test_a_zero_point_clamps_only_where_it_is_the_lowest_code(sites_of, nodes, found):
    expected = [("quantize", "z", "q")] if found else []
    assert [(s.kind, s.value, s.activation) for s in sites_of(QUANTIZE.format(nodes))] == expected


def test_a_relu_before_a_quantization_is_the_switch(sites_of):
    sites = sites_of(QUANTIZE.format("z = MatMul(x, w) r = Relu(z) q = QuantizeLinear(r, scale, lowest)"))
    assert [(s.kind, s.value) for s in sites] == [("relu", "z")]
