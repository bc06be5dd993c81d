"""Several models in one pass: fixed and failing batches, renamed inputs, half precision, third-party models."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from relucid.analyzer.compare import compare, compare_chain
from relucid.analyzer.errors import DataError, ModelError, OptionError
from relucid.analyzer.model import load
from relucid.analyzer.sites import find_sites

from .. import reference
from ..small import model, perceptron, samples


@pytest.mark.parametrize(("before", "after"), [(4, "N"), ("N", 4), (4, 8), (8, 3), (1, "N"), (1, 4), (50, 7)])
def test_batches_may_be_fixed_differently(before: object, after: object) -> None:
    x = samples(50)
    fixed = compare(perceptron(batch=before), perceptron(batch=after, seed=1), x)
    assert reference.differences(fixed, compare(perceptron(), perceptron(seed=1), x)) == []


def test_one_that_does_not_take_batches_is_run_sample_by_sample_and_it_is_said() -> None:
    """A Reshape to a single sample fits no batch."""
    graph = """g (float[N, 6] x) => (float[N, 6] y) {{
        s = Constant<value = int64[2] {{{shape}}}>() r = Reshape(x, s) z = Add(r, b) y = Relu(z)
    }}"""
    one, any_ = (model(graph.format(shape=shape), b=np.full(6, 0.5, dtype=np.float32)) for shape in ("1, 6", "-1, 6"))
    change = compare(one, any_, samples(20))
    assert change.sites[0].distance == 0
    assert change.sites[0].samples == 20
    assert any("sample by sample" in note for note in change.notes)


def test_samples_that_cannot_be_told_apart_are_refused() -> None:
    """The sum over the batch makes every sample depend on the others."""
    mixed = model(
        """g (float[4, 6] x) => (float[4, 6] y) {
            axis = Constant<value = int64[1] {0}>() s = CumSum(x, zero) z = Identity(s) y = Relu(z)
        }""",
        zero=np.array(0, dtype=np.int64),
    )
    with pytest.raises(DataError, match=r"site 'y' of .*: expected the same values for a sample in a batch and alone"):
        compare(mixed, mixed, samples(8))


def test_inputs_are_fed_by_order_where_names_differ() -> None:
    x = samples(30)
    other = perceptron(seed=1)
    for node in other.graph.node:
        node.input[:] = ["image" if name == "x" else name for name in node.input]
    other.graph.input[0].name = "image"
    change = compare(perceptron(), other, x)
    assert reference.differences(change, compare(perceptron(), perceptron(seed=1), x)) == []
    assert any(note.startswith("Inputs are matched by order") for note in change.notes)


def test_a_net_and_its_half_precision_copy() -> None:
    whole, half = perceptron(), perceptron()
    for tensor in half.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for value in (*half.graph.input, *half.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    change = compare(whole, half, samples(500))
    assert 0 <= change.mean_distance < 0.05
    assert change["h1"].samples == 500


def test_sites_of_other_sizes_are_refused_when_they_show() -> None:
    """Undeclared shapes are known only at run time."""
    graph = "g (float[N, M] x) => (float[N, K] y) {{ z = {} y = Relu(z) }}"
    with pytest.raises(ModelError, match=r"positions and units in every model at site 'y', got .*--sites"):
        compare(model(graph.format("Identity(x)")), model(graph.format("Concat<axis = 1>(x, x)")), samples(9))


def test_a_model_without_sites_and_data_that_does_not_fit() -> None:
    with pytest.raises(ModelError, match="has no site"):
        compare(perceptron(), model("g (float[N, 6] x) => (float[N, 6] y) { y = Sigmoid(x) }"), samples(3))
    with pytest.raises(ModelError, match="expected models with the same inputs"):
        compare(
            model("g (float[N, 6] x) => (float[N, 6] y) { y = Relu(x) }"),
            model("g (float[N, 6] x, float[N, 6] w) => (float[N, 6] y) { y = Add(x, w) z = Relu(y) }"),
            samples(3),
        )
    with pytest.raises(DataError, match=r"expected float32 \(N, 6\) for input 'x', got float32 \(5, 7\)"):
        compare(perceptron(), perceptron(), samples(5, 7))
    with pytest.raises(OptionError, match="at least two models to compare, got 1"):
        compare_chain([perceptron()], samples(3))


NAMES = ("marabou_cnn_max_mninst2", "marabou_mnist5x20_leaky_relu", "mnist_cntk8", "mtcnn_rnet", "ultraface_RFB_320")


def perturbed(path: Path) -> onnx.ModelProto:
    """The model with a percent of noise on its large weights."""
    made, random = onnx.load(path), np.random.default_rng(0)
    for tensor in made.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.dtype == np.float32 and weights.ndim > 1:
            noise = 0.01 * weights.std() * random.standard_normal(weights.shape)
            tensor.CopyFrom(numpy_helper.from_array((weights + noise).astype(np.float32), tensor.name))
    return made


@pytest.mark.parametrize("name", NAMES)
def test_other_people_s_nets_against_themselves_and_after_noise(shared_models: Path, name: str) -> None:
    path = shared_models / f"{name}.onnx"
    itself = compare(path, onnx.load(path), "random:3", threads=2)
    for site in itself:
        assert (site.distance, site.temperature, site.jaccard, site.weighted_jaccard) == (0, 0, 1, 1), site.name
    change = compare(path, perturbed(path), "random:3")
    assert 0 < change.mean_distance <= 1
    assert all(0 <= site.distance <= 1 and 0 <= site.weighted_jaccard <= 1 for site in change)


def test_another_person_s_net_after_noise_by_numpy(shared_models: Path, shared_data: Path) -> None:
    path = shared_models / "marabou_cnn_max_mninst2.onnx"
    with np.load(shared_data / "mnist_test.npz") as stored:
        x = stored["images"][:200, ..., None].astype(np.float32) / 255
    noisy = perturbed(path)
    sites = find_sites(load(path).ir)
    values = [site.value for site in sites]
    before, after = (reference.outputs(made, values, {"conv2d_14_input": x}) for made in (onnx.load(path), noisy))
    change = compare(path, noisy, x)
    for site in sites:
        a, b = (
            reference.channels_first(z[site.value]) if z[site.value].ndim == 4 else z[site.value][:, None]
            for z in (before, after)
        )
        flipped = (a > 0) != (b > 0)
        assert change[site.name].distance == pytest.approx(flipped.any(axis=2).mean(), abs=1e-4)
        np.testing.assert_allclose(change[site.name].unit_flip_share, flipped.mean(axis=(0, 1)), atol=1e-4)
