"""The piecewise linear switches, in every form they are written in."""

import numpy as np
import pytest

from relucid.analyzer.model import load
from relucid.analyzer.sites import find_sites

CONSTANTS = """float zero = {0}, float one = {1}, float half = {0.5}, float six = {6}, float tenth = {0.1},
    float[4] zeros = {0, 0, 0, 0}, float[1, 4] row = {0, 0, 0, 0}, int64[2] shape = {1, 4},
    float[4] slopes = {0.1, 0.2, 0.3, 0.4}"""

FORMS = {
    "relu": ("y = Relu(z)", "relu", 0),
    "leaky": ("y = LeakyRelu<alpha = 0.2>(z)", "leaky_relu", 0),
    "prelu": ("y = PRelu(z, slopes)", "prelu", 0),
    "thresholded": ("y = ThresholdedRelu<alpha = 0.7>(z)", "thresholded_relu", 0.7),
    "thresholded at its default": ("y = ThresholdedRelu(z)", "thresholded_relu", 1),
    "clip from 0": ("y = Clip(z, zero)", "clip", 0),
    "relu6": ("y = Clip(z, zero, six)", "clip", 0),
    "clip to 1": ("y = Clip(z, zero, one)", "clip", 0),
    "relu6 of a relu": ("r = Relu(z) y = Clip(r, zero, six)", "clip", 0),
    "min of max": ("m = Max(z, zero) y = Min(m, six)", "clip", 0),
    "min of max, bounds first": ("m = Max(zero, z) y = Min(six, m)", "clip", 0),
    "max of min": ("m = Min(z, six) y = Max(m, zero)", "clip", 0),
    "max of min, bounds first": ("m = Min(six, z) y = Max(zero, m)", "clip", 0),
    "max": ("y = Max(z, zero)", "max", 0),
    "max, 0 first": ("y = Max(zero, z)", "max", 0),
    "max with zeros": ("y = Max(z, zeros)", "max", 0),
    "max with a row of zeros": ("y = Max(row, z)", "max", 0),
    "max with an expanded 0": ("e = Expand(zero, shape) y = Max(z, e)", "max", 0),
    "max with zeros of a shape": ("e = ConstantOfShape(shape) y = Max(z, e)", "max", 0),
    "max with zeros like z": ("s = Shape(z) e = ConstantOfShape<value = float[1] {0}>(s) y = Max(z, e)", "max", 0),
    "max with a cast 0": ("i = Constant<value = int64 {0}>() e = Cast<to = 1>(i) y = Max(z, e)", "max", 0),
    "max with a constant node": ("e = Constant<value_float = 0.0>() y = Max(z, e)", "max", 0),
    "max with a slope": ("s = Mul(z, tenth) y = Max(s, z)", "leaky_relu", 0),
    "where above": ("c = Greater(z, zero) y = Where(c, z, zero)", "where", 0),
    "where not below": ("c = GreaterOrEqual(z, zero) y = Where(c, z, zeros)", "where", 0),
    "where below": ("c = Less(z, zero) y = Where(c, zero, z)", "where", 0),
    "where not above": ("c = LessOrEqual(z, zero) y = Where(c, zero, z)", "where", 0),
    "where 0 is below": ("c = Less(zero, z) y = Where(c, z, zero)", "where", 0),
    "where 0 is above": ("c = Greater(zero, z) y = Where(c, zero, z)", "where", 0),
    "where negated": ("c = LessOrEqual(z, zero) n = Not(c) y = Where(n, z, zero)", "where", 0),
    "where with a slope": ("c = Greater(z, zero) s = Mul(z, tenth) y = Where(c, z, s)", "leaky_relu", 0),
    "where with a slope first": ("c = Less(z, zero) s = Mul(tenth, z) y = Where(c, s, z)", "leaky_relu", 0),
    "where with slopes": ("c = Greater(z, zero) s = Mul(z, slopes) y = Where(c, z, s)", "prelu", 0),
    "where above a threshold": ("c = Greater(z, half) y = Where(c, z, zero)", "thresholded_relu", 0.5),
    "mask": ("c = Greater(z, zero) m = Cast<to = 1>(c) y = Mul(z, m)", "mask", 0),
    "mask first": ("c = GreaterOrEqual(z, zero) m = Cast<to = 1>(c) y = Mul(m, z)", "mask", 0),
    "mask like z": ("c = Less(zero, z) m = CastLike(c, z) y = Mul(z, m)", "mask", 0),
    "mask with a threshold": ("c = Greater(z, half) m = Cast<to = 1>(c) y = Mul(m, z)", "thresholded_relu", 0.5),
}

LOOKALIKES = {
    "a clip from -1": "m = Neg(one) y = Clip(z, m, one)",
    "a clip without a lower bound": 'y = Clip(z, "", six)',
    "a clip from a value": "m = ReduceMin(x) y = Clip(z, m)",
    "a maximum with 1": "y = Max(z, one)",
    "a maximum with numbers": "y = Max(z, slopes)",
    "a maximum of values": "y = Max(z, x)",
    "a maximum of three": "y = Max(z, x, zero)",
    "a maximum with a steep slope": "s = Mul(z, six) y = Max(z, s)",
    "a minimum": "y = Min(z, six)",
    "a minimum with 0": "y = Min(z, zero)",
    "a where of another value": "c = Greater(z, zero) y = Where(c, x, zero)",
    "a where that keeps what is below": "c = Less(z, zero) y = Where(c, z, zero)",
    "a where with 1": "c = Greater(z, zero) y = Where(c, z, one)",
    "an absolute value": "c = Greater(z, zero) m = Constant<value_float = -1.0>() s = Mul(z, m) y = Where(c, z, s)",
    "a comparison of values": "c = Greater(z, x) y = Where(c, z, zero)",
    "a hard shrinkage": "a = Abs(z) c = Greater(a, half) y = Where(c, z, zero)",
    "a mask of another value": "c = Greater(z, zero) m = Cast<to = 1>(c) y = Mul(x, m)",
    "a mask of what is below": "c = Less(z, zero) m = Cast<to = 1>(c) y = Mul(z, m)",
    "a square": "y = Mul(z, z)",
    "a scale": "y = Mul(z, half)",
    "a sigmoid": "y = Sigmoid(z)",
    "a tanh": "y = Tanh(z)",
}


def graph(nodes: str) -> str:
    return f"g (float[N, 4] x) => (float[N, 4] y) <{CONSTANTS}> {{ z = Neg(x) {nodes} }}"


@pytest.mark.parametrize(("nodes", "kind", "threshold"), FORMS.values(), ids=FORMS)
def test_form(text_model, obeys, nodes, kind, threshold):
    model = load(text_model(graph(nodes)))
    sites = find_sites(model.ir)
    assert [(s.kind, s.value, s.activation, s.analysable) for s in sites] == [(kind, "z", "y", True)]
    assert sites[0].threshold == pytest.approx(threshold)
    obeys(model, sites, np.linspace(-8.1, 8, 4 * 50, dtype=np.float32).reshape(50, 4))


@pytest.mark.parametrize("nodes", LOOKALIKES.values(), ids=LOOKALIKES)
def test_what_looks_alike_is_none(sites_of, nodes):
    assert sites_of(graph(nodes)) == ()


@pytest.mark.parametrize(
    ("attributes", "found"), [("min = 0.0, max = 6.0", True), ("min = -1.0, max = 1.0", False), ("max = 6.0", False)]
)
def test_clip_with_its_bounds_in_attributes(sites_of, attributes, found):
    text = f"g (float[N, 4] x) => (float[N, 4] y) {{ z = Neg(x) y = Clip<{attributes}>(z) }}"
    assert [(s.kind, s.value) for s in sites_of(text, opset=6)] == ([("clip", "z")] if found else [])


def test_inner_part_that_others_read_is_a_site_too(sites_of):
    sites = sites_of(graph("m = Max(z, zero) y = Min(m, six) w = Neg(m)"))
    assert [(s.kind, s.value, s.activation) for s in sites] == [("max", "z", "m"), ("clip", "z", "y")]


def test_relu_before_a_clip_that_others_read_is_a_site_too(sites_of):
    sites = sites_of(graph("r = Relu(z) y = Clip(r, zero, six) w = Neg(r)"))
    assert [(s.kind, s.value, s.activation) for s in sites] == [("relu", "z", "r"), ("clip", "z", "y")]


@pytest.mark.parametrize(
    "nodes", ["y = Max(x, zero)", "y = Clip(x, zero)", "c = Greater(x, zero) y = Where(c, x, zero)"]
)
def test_whole_numbers_are_places_and_no_activations(sites_of, nodes):
    assert sites_of(f"g (int64[N, 4] x) => (int64[N, 4] y) <int64 zero = {{0}}> {{ {nodes} }}") == ()


@pytest.mark.parametrize("kind", ["float16", "double"])
def test_other_floats(sites_of, kind):
    sites = sites_of(f"g ({kind}[N, 4] x) => ({kind}[N, 4] y) <{kind} zero = {{0}}> {{ y = Max(x, zero) }}")
    assert [s.kind for s in sites] == ["max"]
