"""A model with probes computes the same outputs as before, and returns the numbers of every site."""

import numpy as np
import onnx_ir as ir
import pytest

from relucid.analyzer import demo
from relucid.analyzer.model import Model, load
from relucid.analyzer.passes.probe import MOMENTS, NUMBERS, Probe, ProbePass
from relucid.analyzer.runtime.session import open_session
from relucid.analyzer.sites import Site, find_sites
from relucid.analyzer.stats import Block, UnitRanges, pattern_keys

TEXT = """g (float[N, 4] x) => (float[N, 4] h, float[N, 4] e) <float[4] w = {1, -2, 3, -4}>
    { z = Mul(x, w) h = Relu(z) e = Elu(h) }"""


@pytest.fixture
def model(text_model) -> Model:
    return load(text_model(TEXT, opset=18))


def probe(site: Site, **expected: bool) -> Probe:
    options = {"keys": True, "comoment": True, "preactivation_comoment": False} | expected
    return Probe(site=site, sample_axis=0, unit_axis=1, double=False, **options)


def probing(model: Model, **expected: bool) -> ProbePass:
    probes = [probe(site, **expected) for site in find_sites(model.ir)]
    return ProbePass(probes, seed=0, every_position=False, bodies=True)


def run(model: Model, names: list[str], x: np.ndarray) -> dict[str, np.ndarray]:
    return open_session(model, exact=True).run(names, {"x": x})


def nodes(model: Model) -> list[str]:
    return [f"{node.domain}:{node.op_type}".lstrip(":") for node in model.ir.graph]


def test_a_relu_becomes_a_probe_and_other_sites_get_one_beside_them(model):
    plain = load(ir.to_proto(model.ir).SerializeToString())
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    probed = probing(model)
    assert probed(model.ir).modified
    assert nodes(model)[:3] == ["Mul", "relucid:ReluProbe", "Elu"]
    assert sorted(nodes(model)[3:]) == ["relucid:CoMoment", "relucid:CoMoment", "relucid:Probe"]
    h, e = (probed.named[site] for site in ("h", "e"))
    found = run(model, ["h", "e", *h.values(), *e.values()], x)
    assert all(np.array_equal(found[name], array) for name, array in run(plain, ["h", "e"], x).items())
    for named, z in ((h, x * np.float32([1, -2, 3, -4])), (e, found["h"])):
        block = Block(z[:, None])
        extents = UnitRanges.of(block)
        assert np.array_equal(found[named["low"]], extents.low)
        assert np.array_equal(found[named["high"]], extents.high)
        assert np.array_equal(found[named["active"]], extents.active)
        assert np.array_equal(found[named["keys"]].ravel(), pattern_keys(block))
    for named, activation in ((h, found["h"]), (e, found["e"])):
        np.testing.assert_allclose(found[named["mean"]], activation.mean(axis=0, dtype=np.float64), rtol=1e-12)
        expected = np.cov(activation.T.astype(float), bias=True)[np.tril_indices(4)] * 5
        np.testing.assert_allclose(found[named["m2"]], expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("expected", "numbers"),
    [
        ({"comoment": False}, set(NUMBERS)),
        ({"comoment": False, "keys": False}, set(NUMBERS)),
        ({"preactivation_comoment": True}, {*NUMBERS, *MOMENTS, *(f"preactivation_{name}" for name in MOMENTS)}),
    ],
)
def test_numbers_that_are_not_requested_are_not_computed(model, expected, numbers):
    probed = probing(model, **expected)
    probed(model.ir)
    assert {name: set(named) for name, named in probed.named.items()} == {"h": numbers, "e": numbers}
    x = np.ones((3, 4), np.float32)
    found = run(model, list(probed.named["e"].values()), x)
    assert found[probed.named["e"]["keys"]].shape == (3 if expected.get("keys", True) else 0, 1)


def test_a_second_run_changes_nothing(model):
    first, second = probing(model, keys=False), probing(model, keys=False)
    assert first(model.ir).modified
    before = ir.to_proto(model.ir).SerializeToString(deterministic=True)
    assert not second(model.ir).modified
    assert ir.to_proto(model.ir).SerializeToString(deterministic=True) == before
    assert second.named == first.named


def test_rectified_values_that_no_relu_makes_have_their_moments_made_of_z(text_model):
    model = load(text_model("g (float[N, 4] x) => (float[N, 4] y) <float o = {0}> { y = Max(x, o) }", opset=18))
    probed = probing(model, preactivation_comoment=True)
    probed(model.ir)
    assert nodes(model) == ["Max", "relucid:Probe", "relucid:CoMoment", "relucid:CoMoment"]
    assert len({node.name for node in model.ir.graph}) == 4
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    named = probed.named["y"]
    found = run(model, list(named.values()), x)
    np.testing.assert_allclose(found[named["mean"]], np.maximum(x, 0).mean(axis=0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(found[named["preactivation_mean"]], x.mean(axis=0, dtype=np.float64), rtol=1e-9)


def test_names_that_are_taken(text_model):
    model = load(text_model("g (float[N, 4] x) => (float[N, 4] y) { t = Neg(x) y = Relu(t) }", opset=18))
    model.ir.graph.inputs[0].name = "t.low"
    [site] = find_sites(model.ir)
    probed = ProbePass([probe(site)], seed=0, every_position=False, bodies=True)
    probed(model.ir)
    assert probed.named["y"]["low"] == "t.low_"
    found = open_session(model).run(["t.low_"], {"t.low": np.array([[1, 2, 3, 4]], np.float32)})
    assert found["t.low_"].tolist() == [-1, -2, -3, -4]


def test_a_value_that_is_not_there(model):
    nowhere = Site(name="s", value="nowhere", kind="relu", unit_axis=1)
    with pytest.raises(KeyError, match="nowhere"):
        ProbePass([probe(nowhere)], seed=0, every_position=False, bodies=True)(model.ir)


def test_without_bodies_the_model_keeps_its_opset_and_its_version(text_model):
    model = load(text_model(TEXT, opset=11, ir_version=6))
    probed = ProbePass([probe(site) for site in find_sites(model.ir)], seed=0, every_position=False, bodies=False)
    probed(model.ir)
    assert not model.ir.functions
    assert (model.ir.ir_version, model.ir.opset_imports) == (6, {"": 11, "relucid": 1})


def test_the_demo_computes_the_same_with_all_its_sites_probed():
    plain, probed = load(demo.model()), load(demo.model())
    with np.load(demo.data()) as data:
        feed = {"image": data["image"][:8]}
    names = [out.name for out in plain.ir.graph.outputs]
    probing(probed)(probed.ir)
    before = open_session(plain, exact=True).run(names, feed)
    after = open_session(probed, exact=True).run(names, feed)
    assert all(np.array_equal(before[name], after[name]) for name in names)
