"""A model with its pre-activations as outputs computes the same numbers as before."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from relucid.analyzer.errors import ModelError, OptionError
from relucid.analyzer.options import Options
from relucid.analyzer.runtime.exposing import expose, save

from .. import reference
from ..small import model, perceptron, samples


def run(path: Path, feed: dict[str, np.ndarray], *, optimised: bool = False) -> dict[str, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feed), strict=True))


@pytest.mark.parametrize(
    ("name", "fed", "shape"),
    [
        ("mnist_cntk8", "Input3", (1, 1, 28, 28)),
        ("winml_cifar_imageclassifier", "modelInput", (3, 3, 32, 32)),
        ("marabou_cnn_max_mninst2", "conv2d_14_input", (3, 28, 28, 1)),
        ("marabou_mnist5x20_leaky_relu", "input", (3, 1, 28, 28)),
        ("mtcnn_rnet", "input_2", (3, 24, 24, 3)),
        ("ultraface_RFB_320", "input", (1, 3, 240, 320)),
    ],
)
def test_an_exposed_model_returns_the_same_bits_and_its_pre_activations(
    name: str, fed: str, shape: tuple[int, ...], shared_models: Path, tmp_path: Path
) -> None:
    source, target = shared_models / f"{name}.onnx", tmp_path / "exposed.onnx"
    exposed, sites = expose(source)
    save(exposed, target)
    feed = {fed: samples(*shape)}
    before, after = run(source, feed), run(target, feed)
    assert set(after) == {*before, *(site.value for site in sites)}
    for output, array in before.items():
        np.testing.assert_array_equal(after[output], array)
    tapped = reference.outputs(onnx.load(source), [site.value for site in sites], feed)
    for site in sites:
        rounding = 1e-5 * float(np.abs(tapped[site.value]).max())
        np.testing.assert_allclose(after[site.value], tapped[site.value], rtol=0, atol=rounding)

    old, new = onnx.load(source), onnx.load(target)
    assert new.ir_version == old.ir_version
    assert {o.domain: o.version for o in new.opset_import} == {o.domain: o.version for o in old.opset_import}
    assert list(new.graph.input) == list(old.graph.input)
    assert list(new.graph.output)[: len(old.graph.output)] == list(old.graph.output)
    assert [(n.op_type, *n.input, *n.output) for n in new.graph.node] == [
        (n.op_type, *n.input, *n.output) for n in old.graph.node
    ]
    known = {value.name for value in (*old.graph.value_info, *old.graph.initializer)}
    assert {value.name for value in new.graph.value_info} <= known  # no other shape is written


def test_the_model_handed_in_stays_as_it_is() -> None:
    made = perceptron()
    before = made.SerializeToString()
    expose(made)
    assert made.SerializeToString() == before


def test_only_the_sites_asked_for_become_outputs(tmp_path: Path) -> None:
    exposed, sites = expose(perceptron(), options=Options(sites="h2"))
    save(exposed, tmp_path / "out.onnx")
    assert [site.value for site in sites] == ["z2"]
    assert [output.name for output in onnx.load(tmp_path / "out.onnx").graph.output] == ["y", "z2"]
    with pytest.raises(OptionError, match="expected a selection that matches a site"):
        expose(perceptron(), options=Options(sites="nothing"))


def test_a_relu_on_an_input_is_exposed_by_a_copy(tmp_path: Path) -> None:
    made = model("g (float[N, 6] x) => (float[N, 6] y) { y = Relu(x) }")
    exposed, [site] = expose(made)
    save(exposed, tmp_path / "out.onnx")
    x = samples(4)
    assert site.value != "x"
    np.testing.assert_array_equal(run(tmp_path / "out.onnx", {"x": x})[site.value], x)


def test_a_pre_activation_that_is_an_output_already_needs_nothing(tmp_path: Path) -> None:
    made = model("g (float[N, 6] x) => (float[N, 6] z, float[N, 6] y) { z = Neg(x) y = Relu(z) }")
    exposed, [site] = expose(made)
    save(exposed, tmp_path / "out.onnx")
    assert site.value == "z"
    assert len(onnx.load(tmp_path / "out.onnx").graph.output) == 2


def test_functions_of_the_model_are_inlined(tmp_path: Path) -> None:
    made = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
        g (float[N, 6] x) => (float[N, 6] y) { y = own.act(x) }
        <opset_import: ["" : 17], domain: "own"> act (a) => (c) { b = Neg(a) c = Relu(b) }"""
    )
    exposed, [site] = expose(made)
    save(exposed, tmp_path / "out.onnx")
    x = samples(4)
    after = run(tmp_path / "out.onnx", {"x": x})
    np.testing.assert_array_equal(after[site.value], -x)
    np.testing.assert_array_equal(after["y"], np.maximum(-x, 0))


def test_a_model_without_a_site_is_refused() -> None:
    with pytest.raises(ModelError, match="expected a model with a site whose pre-activation"):
        expose(model("g (float[N, 6] x) => (float[N, 6] y) { y = Sigmoid(x) }"))


@pytest.fixture
def external(tmp_path: Path) -> Path:
    """A perceptron with its weights in another file, one of them in a Constant node."""
    made = perceptron()
    bias = np.arange(4, dtype=np.float32)
    constant = onnx.helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(bias, "c"))
    made.graph.node[-1].output[0] = "y0"
    made.graph.node.extend([constant, onnx.helper.make_node("Add", ["y0", "c"], ["y"])])
    folder = tmp_path / "source"
    folder.mkdir()
    onnx.external_data_helper.convert_model_to_external_data(
        made, all_tensors_to_one_file=False, size_threshold=0, convert_attribute=True
    )
    onnx.save(made, folder / "model.onnx")
    assert len(list(folder.iterdir())) > 5
    return folder / "model.onnx"


def test_weights_in_other_files_go_along(external: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir()
    exposed, _ = expose(external)
    save(exposed, target / "out.onnx")
    feed = {"x": samples(3)}
    before, after = run(external, feed), run(target / "out.onnx", feed)
    np.testing.assert_array_equal(before["y"], after["y"])
    assert {path.name for path in target.iterdir()} == {path.name for path in external.parent.iterdir()} - {
        "model.onnx"
    } | {"out.onnx"}


def test_saving_twice_or_next_to_the_source_works_but_other_files_are_not_overwritten(
    external: Path, tmp_path: Path
) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir()
    exposed, _ = expose(external)
    for place in (target / "a.onnx", target / "b.onnx", external.parent / "c.onnx"):
        save(exposed, place)
    weights = next(path for path in target.iterdir() if path.suffix != ".onnx")
    weights.write_bytes(b"somebody else's")
    with pytest.raises(OptionError, match=r"a copy of the weights of .* got another file"):
        save(exposed, target / "d.onnx")
    assert weights.read_bytes() == b"somebody else's"
    assert not (target / "d.onnx").exists()


def test_neither_the_model_nor_its_weights_are_written_over(
    external: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in external.parent.iterdir()}
    weights = next(path.name for path in before if path.suffix != ".onnx")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(external.parent)
    exposed, _ = expose("model.onnx")
    for place in (external, Path("model.onnx"), external.parent / weights, tmp_path / "elsewhere" / weights):
        with pytest.raises(OptionError, match="is the model or its weights; choose another name"):
            save(exposed, place)
    assert {path: path.read_bytes() for path in external.parent.iterdir()} == before
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    exposed, _ = expose(perceptron())
    with pytest.raises(OptionError, match="cannot write"):
        save(exposed, tmp_path / "nowhere" / "out.onnx")
