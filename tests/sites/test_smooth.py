"""The smooth switches: operators, and arithmetic in every order exporters write it."""

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from relucid.analyzer.model import load
from relucid.analyzer.sites import find_sites

OPERATORS = {
    "elu": ("y = Elu<alpha = 0.5>(z)", "elu", 17),
    "celu": ("y = Celu<alpha = 2.0>(z)", "celu", 17),
    "selu": ("y = Selu(z)", "selu", 17),
    "hard_swish": ("y = HardSwish(z)", "hard_swish", 17),
    "hard_sigmoid": ("y = HardSigmoid<alpha = 0.25>(z)", "hard_sigmoid", 17),
    "mish": ("y = Mish(z)", "mish", 18),
    "softplus": ("y = Softplus(z)", "softplus", 17),
    "gelu": ("y = Gelu(z)", "gelu", 20),
    "gelu tanh": ('y = Gelu<approximate = "tanh">(z)', "gelu", 20),
}

# In the arithmetic, names of constants stand for their numbers: half is 0.5, root2 is sqrt(2) and so on.
CONSTANTS = """float zero = {0}, float half = {0.5}, float one = {1}, float two = {2}, float three = {3},
    float six = {6},
    float sixth = {0.16666667}, float fifth = {0.2}, float root2 = {1.41421356}, float half_root2 = {0.70710678},
    float cubic = {0.044715}, float root = {0.79788456}, float quick = {1.702}, float[1, 1] half_row = {0.5}"""
ERF = "s = Div(z, root2) e = Erf(s) a = Add(e, one) "
TANH = "p = Pow(z, three) c = Mul(p, cubic) i = Add(z, c) t = Mul(i, root) h = Tanh(t) a = Add(h, one) "
HARD = "a = Add(z, three) c = Clip(a, zero, six) "

ARITHMETIC = {
    "gelu erf": (ERF + "m = Mul(z, a) y = Mul(m, half)", "gelu"),
    "gelu erf, half first": (ERF + "m = Mul(half, z) y = Mul(m, a)", "gelu"),
    "gelu erf, half in the bracket": (ERF + "m = Mul(a, half) y = Mul(z, m)", "gelu"),
    "gelu erf, divided by 2": (ERF + "m = Mul(a, z) y = Div(m, two)", "gelu"),
    "gelu erf, multiplied inside": (
        "s = Mul(half_root2, z) e = Erf(s) a = Add(one, e) m = Mul(half_row, z) y = Mul(a, m)",
        "gelu",
    ),
    "gelu erf, halves added": ("s = Div(z, root2) e = Erf(s) b = Mul(e, half) a = Add(b, half) y = Mul(z, a)", "gelu"),
    "gelu tanh": (TANH + "m = Mul(z, half) y = Mul(m, a)", "gelu"),
    "gelu tanh, half last": (TANH + "m = Mul(a, z) y = Mul(half, m)", "gelu"),
    "gelu tanh, factored": (
        "q = Mul(z, z) c = Mul(q, cubic) d = Add(c, one) i = Mul(z, d) t = Mul(root, i) h = Tanh(t) a = Add(one, h) "
        "b = Mul(a, half) y = Mul(z, b)",
        "gelu",
    ),
    "silu": ("s = Sigmoid(z) y = Mul(z, s)", "silu"),
    "silu, sigmoid first": ("s = Sigmoid(z) y = Mul(s, z)", "silu"),
    "silu, divided": ("n = Neg(z) e = Exp(n) a = Add(e, one) y = Div(z, a)", "silu"),
    "silu by tanh": ("b = Mul(z, half) t = Tanh(b) a = Add(t, one) c = Mul(a, half) y = Mul(c, z)", "silu"),
    "quick gelu": ("q = Mul(z, quick) s = Sigmoid(q) y = Mul(z, s)", "quick_gelu"),
    "mish": ("s = Softplus(z) t = Tanh(s) y = Mul(z, t)", "mish"),
    "mish, softplus written out": ("x1 = Exp(z) a = Add(x1, one) l = Log(a) t = Tanh(l) y = Mul(t, z)", "mish"),
    "softplus written out": ("x1 = Exp(z) a = Add(one, x1) y = Log(a)", "softplus"),
    "hard swish by relu6": (HARD + "m = Mul(z, c) y = Div(m, six)", "hard_swish"),
    "hard swish, sixth first": (HARD + "s = Mul(c, sixth) y = Mul(z, s)", "hard_swish"),
    "hard swish, divided first": (HARD + "s = Div(c, six) y = Mul(s, z)", "hard_swish"),
    "hard swish by hard sigmoid": ("s = HardSigmoid<alpha = 0.16666667, beta = 0.5>(z) y = Mul(z, s)", "hard_swish"),
    "hard swish by min and max": (
        "a = Add(z, three) b = Max(a, zero) c = Min(b, six) m = Mul(c, z) y = Mul(m, sixth)",
        "hard_swish",
    ),
    "hard sigmoid by relu6": (HARD + "y = Div(c, six)", "hard_sigmoid"),
    "hard sigmoid, a fifth of z": ("m = Mul(z, fifth) a = Add(m, half) y = Clip(a, zero, one)", "hard_sigmoid"),
}

LOOKALIKES = {
    "gated by another value": "s = Sigmoid(x) y = Mul(z, s)",
    "gated by its own tanh": "s = Tanh(z) y = Mul(z, s)",
    "a gelu with a wrong half": ERF + "y = Mul(z, a)",
    "a gelu of another value": ERF + "m = Mul(x, half) y = Mul(m, a)",
    "a sum": "s = Sigmoid(z) y = Add(z, s)",
    "a logarithm of a sigmoid": "s = Sigmoid(z) y = Log(s)",
    "a softmax": "y = Softmax(z)",
    "a softsign": "a = Abs(z) b = Add(a, one) y = Div(z, b)",
    "a tanhshrink": "t = Tanh(z) y = Sub(z, t)",
}


def graph(nodes: str) -> str:
    return f"g (float[N, 4] x) => (float[N, 4] y) <{CONSTANTS}> {{ z = Neg(x) {nodes} }}"


@pytest.fixture
def points() -> np.ndarray:
    return np.linspace(-6.1, 6, 4 * 50, dtype=np.float32).reshape(50, 4)


@pytest.mark.parametrize(("nodes", "kind", "opset"), OPERATORS.values(), ids=OPERATORS)
def test_operator(text_model, obeys, points, nodes, kind, opset):
    model = load(text_model(graph(nodes), opset=opset))
    sites = find_sites(model.ir)
    assert [(s.kind, s.value, s.activation, s.threshold, s.smooth) for s in sites] == [(kind, "z", "y", 0, True)]
    obeys(model, sites, points)


@pytest.mark.parametrize(("nodes", "kind"), ARITHMETIC.values(), ids=ARITHMETIC)
def test_arithmetic(text_model, obeys, points, nodes, kind):
    model = load(text_model(graph(nodes)))
    sites = find_sites(model.ir)
    assert [(s.kind, s.value, s.activation) for s in sites] == [(kind, "z", "y")]
    obeys(model, sites, points)


@pytest.mark.parametrize(("nodes", "kind"), ARITHMETIC.values(), ids=ARITHMETIC)
def test_arithmetic_with_constants_in_half_precision(text_model, nodes, kind):
    model = text_model(graph(nodes))
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    assert [(s.kind, s.value) for s in find_sites(load(model).ir)] == [(kind, "z")]


@pytest.mark.parametrize("nodes", LOOKALIKES.values(), ids=LOOKALIKES)
def test_what_looks_alike_is_none(sites_of, nodes):
    assert sites_of(graph(nodes)) == ()


def test_only_the_outermost_form_is_listed_where_the_rest_is_nobodys(sites_of):
    """A clip inside a hard swish is no switch of its own, unless somebody else reads it."""
    alone = sites_of(graph(HARD + "m = Mul(z, c) y = Div(m, six)"))
    shared = sites_of(graph(HARD + "m = Mul(z, c) y = Div(m, six) w = Neg(c)"))
    assert [s.kind for s in alone] == ["hard_swish"]
    assert [(s.kind, s.value) for s in shared] == [("clip", "a"), ("hard_swish", "z")]


def test_evaluation_never_writes_into_what_it_reads(sites_of):
    """numpy takes a third argument of a minimum for the array to write into."""
    for _ in range(2):
        sites = sites_of(graph("m = Min(z, six, z) k = Mul(m, z) s = Sigmoid(z) y = Mul(z, s)"))
        assert [s.kind for s in sites] == ["silu"]


def test_a_mesh_of_nodes_is_evaluated_once(sites_of):
    """Every node doubles the ways back; evaluating each way would take hours."""
    nodes = "".join(f"a{i + 1} = Max(a{i}, a{i}) " for i in range(300))
    assert sites_of(graph(f"a0 = Abs(z) {nodes} y = Mul(a300, a299)")) == ()
