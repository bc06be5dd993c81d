"""An instrumented model computes the same outputs as before, and returns the requested values too."""

import numpy as np
import onnx_ir as ir
import pytest

from relucid.analyzer import demo
from relucid.analyzer.model import load
from relucid.analyzer.passes.expose_values import InstrumentPass
from relucid.analyzer.runtime.session import open_session
from relucid.analyzer.sites import find_sites

TEXT = """g (float[N, 4] x) => (float[N, 4] z, float[N, 4] y) <float[4] w = {1, -2, 3, -4}>
    { a = Mul(x, w) z = Neg(a) y = Relu(z) i = Identity(x) }"""


@pytest.fixture
def model(text_model):
    return load(text_model(TEXT))


def outputs(model) -> list[str]:
    return [out.name for out in model.ir.graph.outputs]


@pytest.mark.parametrize(
    ("value", "added"),
    [("z", []), ("a", ["a"]), ("i", ["i"]), ("x", ["x.tap"]), ("w", ["w.tap"])],
    ids=["an output", "inside", "unread", "an input", "an initializer"],
)
def test_every_case(model, value, added):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    w = np.array([1, -2, 3, -4], np.float32)
    expected = {"x": x, "w": w, "a": x * w, "z": -x * w, "i": x}[value]
    tapping = InstrumentPass([value])
    assert tapping(model.ir).modified is bool(added)
    assert outputs(model) == ["z", "y", *added]
    found = open_session(model).run([tapping.tapped[value], "y"], {"x": x})
    assert np.array_equal(found[tapping.tapped[value]], expected)
    assert np.array_equal(found["y"], np.maximum(-x * w, 0))


def test_a_second_run_changes_nothing(model):
    values = ["a", "x", "w", "z", "a"]
    first, second = InstrumentPass(values), InstrumentPass(values)
    assert first(model.ir).modified
    before = ir.to_proto(model.ir).SerializeToString(deterministic=True)
    assert not second(model.ir).modified
    assert ir.to_proto(model.ir).SerializeToString(deterministic=True) == before
    assert second.tapped == first.tapped


def test_a_name_that_is_taken(text_model):
    proto = text_model("g (float[N, 4] x) => (float[N, 4] y) { t = Neg(x) y = Relu(t) }")
    proto.graph.node[0].output[0] = proto.graph.node[1].input[0] = "x.tap"
    model = load(proto)
    tapping = InstrumentPass(["x", "x.tap"])
    tapping(model.ir)
    assert tapping.tapped == {"x": "x.tap_", "x.tap": "x.tap"}
    found = open_session(model).run(["x.tap_", "x.tap"], {"x": np.ones((1, 4), np.float32)})
    assert found["x.tap_"].sum() == 4
    assert found["x.tap"].sum() == -4


def test_a_value_that_is_not_there(model):
    with pytest.raises(KeyError, match="nowhere"):
        InstrumentPass(["nowhere"])(model.ir)


def test_the_demo_computes_the_same_with_all_its_sites_shown():
    plain, shown = load(demo.model()), load(demo.model())
    with np.load(demo.data()) as data:
        feed = {"image": data["image"][:8]}
    names = [out.name for out in plain.ir.graph.outputs]
    InstrumentPass(site.value for site in find_sites(shown.ir))(shown.ir)
    before = open_session(plain, exact=True).run(names, feed)
    after = open_session(shown, exact=True).run(names, feed)
    assert all(np.array_equal(before[name], after[name]) for name in names)
