"""F(x) written with its activation matrices is F(x), exactly (thesis, definition 1 and (2.11))."""

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
import pytest

from relucid.analyzer import demo
from relucid.analyzer.model import load
from relucid.analyzer.passes.expose_values import InstrumentPass
from relucid.analyzer.passes.fix_patterns import FixPatternsPass
from relucid.analyzer.sites import Site, find_sites


def run(model: ir.Model, feed: dict, outputs: list[str]) -> list[np.ndarray]:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(ir.to_proto(model).SerializeToString(), options).run(outputs, feed)


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    with np.load(demo.data()) as data:
        return data["image"][:8]


@pytest.fixture(scope="module")
def tapped(digits) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The plain answer, and the patterns of every site."""
    model = load(demo.model()).ir
    sites = find_sites(model)
    InstrumentPass(site.value for site in sites)(model)
    logits, *values = run(model, {"image": digits}, ["logits", *(site.value for site in sites)])
    return logits, {site.name: (z > 0).astype(np.float32) for site, z in zip(sites, values, strict=True)}


def fixed(patterns: dict[str, np.ndarray]) -> tuple[ir.Model, dict[str, np.ndarray]]:
    model = load(demo.model()).ir
    fixing = FixPatternsPass(find_sites(model))
    assert fixing(model).modified
    assert not fixing(model).modified, "a second run changes nothing"
    return model, {fixing.patterns[name]: a for name, a in patterns.items()}


def test_with_its_own_patterns_the_network_answers_exactly_as_before(digits, tapped):
    logits, patterns = tapped
    model, feed = fixed(patterns)
    assert np.array_equal(run(model, {"image": digits} | feed, ["logits"])[0], logits)
    assert "Relu" not in {node.op_type for node in model.graph if node.outputs[0].uses()}


def test_with_the_patterns_of_one_point_the_network_is_affine(digits, tapped):
    """On one cell F is affine: F((x + y) / 2) is the mean of F(x) and F(y), for any x and y."""
    _, patterns = tapped
    model, feed = fixed({name: np.repeat(a[:1], 3, axis=0) for name, a in patterns.items()})
    x, y = digits[1].astype(np.float32), digits[2].astype(np.float32)
    three = run(model, {"image": np.stack([x, y, (x + y) / 2])} | feed, ["logits"])[0]
    np.testing.assert_allclose(three[2], (three[0] + three[1]) / 2, atol=1e-4)


def test_with_other_patterns_the_answer_changes(digits, tapped):
    logits, patterns = tapped
    model, feed = fixed({name: np.zeros_like(a) for name, a in patterns.items()})
    assert not np.allclose(run(model, {"image": digits} | feed, ["logits"])[0], logits)


def test_a_function_that_is_not_linear_on_cells_is_refused():
    with pytest.raises(ValueError, match="gelu"):
        FixPatternsPass([Site("act", "z", "gelu", 1, activation="h")])(load(demo.model()).ir)
