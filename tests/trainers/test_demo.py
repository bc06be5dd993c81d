"""The demo's files are what its script writes: small, free of machine paths, with units of every class."""

import ast

import numpy as np
import onnx
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxscript")

import torch

from relucid.analyzer import demo
from relucid.trainers import demo as script
from relucid.trainers.datasets.labelled import Labelled


@pytest.fixture(scope="module")
def held_out() -> dict[str, np.ndarray]:
    with np.load(demo.data(), allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(demo.model()).graph.initializer}


def shipped_net(weights: dict[str, np.ndarray]) -> script.DigitsNet:
    net = script.DigitsNet()
    net.load_state_dict({name: torch.from_numpy(weights[name].copy()) for name in net.state_dict()})
    return net.eval()


def test_files_are_small():
    assert demo.model().stat().st_size + demo.data().stat().st_size < 500_000


def test_model_runs_on_older_runtimes_and_on_any_number_of_samples():
    model = onnx.load(demo.model())
    onnx.checker.check_model(model, full_check=True)
    (image,) = model.graph.input
    assert model.ir_version <= 10
    assert 18 <= model.opset_import[0].version <= 20
    assert image.name == "image"
    assert [dim.dim_param or dim.dim_value for dim in image.type.tensor_type.shape.dim] == ["sample", 1, 8, 8]


def test_relus_carry_their_module_paths():
    relus = [node for node in onnx.load(demo.model()).graph.node if node.op_type == "Relu"]
    scopes = [ast.literal_eval(node.metadata_props[0].value) for node in relus]
    modules = [name for name, module in script.DigitsNet().named_modules() if isinstance(module, torch.nn.ReLU)]
    assert [scope[-2] for scope in scopes] == modules
    assert "Add" in {node.op_type for node in onnx.load(demo.model()).graph.node}


def test_no_trace_of_the_machine_is_shipped():
    data = demo.model().read_bytes()
    for trace in (b"stack_trace", b".py", b"File ", b"/home", b"/root", b"/tmp"):
        assert trace not in data


def test_held_out_digits_are_the_decisive_ones_of_those_published_and_not_trained_on(held_out, weights):
    digits = script.load_split()
    training, published = digits.train, digits.val
    expected = script.keep_decisive(shipped_net(weights), published)
    np.testing.assert_array_equal(held_out["image"], expected.x)
    np.testing.assert_array_equal(held_out["labels"], expected.y)
    assert held_out["image"].dtype == np.float32
    assert held_out["labels"].dtype == np.int64
    assert len(training.y) + len(published.y) == 1797
    assert len(published.y) - len(expected.y) == 17
    trained_on = {image.tobytes() for image in training.x}
    assert not [image for image in expected.x if image.tobytes() in trained_on]


def test_no_sign_depends_on_how_a_processor_rounds(held_out, weights):
    """float32, float64 and the runtime with and without its fusions agree on every sign, with room to spare."""
    runtime = pytest.importorskip("onnxruntime")
    net, data = shipped_net(weights), Labelled(held_out["image"], held_out["labels"])
    exact = script.compute_preactivations(net, data)
    assert min(np.abs(z).min() / np.abs(z).max() for z in exact) >= script.MARGIN
    model = onnx.load(demo.model())
    relus = [node.input[0] for node in model.graph.node if node.op_type == "Relu"]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in relus)
    for level in (runtime.GraphOptimizationLevel.ORT_DISABLE_ALL, runtime.GraphOptimizationLevel.ORT_ENABLE_ALL):
        options = runtime.SessionOptions()
        options.graph_optimization_level = level
        session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        found = session.run(relus, {"image": data.x})
        for z, reference in zip(found, exact, strict=True):
            assert np.abs(z.reshape(len(z), -1) - reference).max() / np.abs(reference).max() < script.MARGIN / 4


def test_accuracy(held_out, weights):
    net = shipped_net(weights)
    assert script.accuracy(net, Labelled(held_out["image"], held_out["labels"])) > 0.95


def test_dead_linear_and_nonlinear_units_all_occur(held_out, weights):
    net, taps = shipped_net(weights), []
    for module in net.modules():
        if isinstance(module, torch.nn.ReLU):
            module.register_forward_pre_hook(lambda _, args: taps.append(args[0].transpose(0, 1).flatten(1).numpy()))
    with torch.no_grad():
        net(torch.from_numpy(held_out["image"]))
    low, high = (np.concatenate([reduce(z, axis=1) for z in taps]) for reduce in (np.min, np.max))
    assert (high <= 0).sum() > 0
    assert (low > 0).sum() > 0
    assert ((low <= 0) & (high > 0)).sum() > 0
    assert np.abs(np.concatenate([low, high])).min() > 1e-3, "a unit's class must not depend on rounding"


def test_exported_file_computes_what_the_network_computes(held_out, weights):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(demo.model(), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = shipped_net(weights)(torch.from_numpy(held_out["image"])).numpy()
    np.testing.assert_allclose(session.run(None, {"image": held_out["image"]})[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
def test_script_makes_such_files_again(tmp_path, held_out):
    """The graph is the same; weights and data only behave alike, since summation order depends on the processor."""
    net, kept = script.make_demo(tmp_path)
    made, shipped = onnx.load(tmp_path / "digits.onnx"), onnx.load(demo.model())
    with np.load(tmp_path / "digits.npz") as again:
        made_data = Labelled(again["image"], again["labels"])
    assert [(node.op_type, node.metadata_props) for node in made.graph.node] == [
        (node.op_type, node.metadata_props) for node in shipped.graph.node
    ]
    assert [(t.name, t.dims) for t in made.graph.initializer] == [(t.name, t.dims) for t in shipped.graph.initializer]
    np.testing.assert_array_equal(made_data.x, kept.x)
    np.testing.assert_array_equal(made_data.y, kept.y)
    np.testing.assert_array_equal(kept.y, script.keep_decisive(net, script.load_split().val).y)
    assert abs(len(kept.y) - len(held_out["labels"])) < 30


def test_the_seed_determines_the_weights_and_the_callers_generator_is_unchanged():
    training = script.load_split().train
    state = torch.get_rng_state()
    first, second = (script.train(training, epochs=1).state_dict() for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = script.train(training, epochs=1, seed=script.SEED + 1).state_dict()
    assert not torch.equal(first["classes.weight"], other["classes.weight"])
