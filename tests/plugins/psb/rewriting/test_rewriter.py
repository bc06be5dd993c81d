"""Which nodes become operators, which remain in float; nothing else in a model changes."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest

from relucid.analyzer import demo
from relucid.analyzer.errors import DataError, ModelError, OptionError
from relucid.plugins import psb

EXACT = {"levels": psb.Levels(8), "exact_dyadics": True}
"""With weights of 8 bits and 256 samples no draw is random: the outputs are those of the float model."""


def short(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Weights that 8 bits of probability and 4 of exponent represent exactly."""
    return (random.integers(-255, 256, shape) / 128).astype(np.float32)


def whole(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Activations in Q5.10 whose products and sums are in Q5.10 as well."""
    return random.integers(-3, 4, shape).astype(np.float32)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def check(model, run, x, *, kinds, **options):
    """Without random draws the rewritten model has the same outputs; its operators are of these kinds."""
    rewritten = psb.rewrite(model, **EXACT, **options)
    assert [layer.kind for layer in rewritten.layers] == kinds
    np.testing.assert_allclose(run(rewritten.ir, x, samples=256), run(model, x), rtol=1e-6, atol=2**-10)
    return rewritten


def kinds_of(rewritten: psb.Rewritten) -> list[str]:
    """The operators of a rewritten graph, without those that all of them share."""
    return [node.op_type for node in rewritten.ir.graph if node.op_type not in {"Keys", "Binomial"}]


def test_two_nodes_that_share_weights_draw_for_themselves(build, run, random):
    weights = {"w": short(random, 6, 6)}
    model = build(x=("batch", 6), weights=weights, nodes=[("MatMul", ["x", "w"], {}), ("Gemm", ["v0", "w"], {})])
    x = whole(random, 3, 6) / 8
    rewritten = check(model, run, x, kinds=["MatMul", "MatMul"])
    assert "w" not in rewritten.ir.graph.initializers
    same = build(
        x=("batch", 6),
        weights=weights,
        nodes=[("MatMul", ["x", "w"], {}), ("MatMul", ["x", "w"], {}), ("Sub", ["v0", "v1"], {})],
    )
    assert run(psb.rewrite(same).ir, x, samples=1).any()


def test_weights_reshaped_and_transposed_on_their_way(build, run, random):
    weights = {"w": short(random, 2, 12), "shape": np.array([4, 6], dtype=np.int64)}
    nodes = [("Reshape", ["w", "shape"], {}), ("Transpose", ["v0"], {}), ("MatMul", ["x", "v1"], {})]
    model = build(x=("batch", 3, 6), weights=weights, nodes=nodes)
    rewritten = check(model, run, whole(random, 2, 3, 6), kinds=["MatMul"])
    assert kinds_of(rewritten) == ["MatMul"]


def test_a_gemm_with_everything(build, run, random):
    attributes = {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 4.0}
    model = build(
        x=(6, "batch"),
        weights={"w": short(random, 5, 6), "b": short(random, 1, 5)},
        nodes=[("Gemm", ["x", "w", "b"], attributes)],
    )
    check(model, run, whole(random, 6, 3), kinds=["MatMul"])


def test_layers_directly_after_each_other_and_as_outputs(build, run, random):
    weights = {"w": short(random, 4, 3, 1, 1) / 2, "d": short(random, 4, 1, 3, 3) / 2, "b": short(random, 4, 1, 1)}
    nodes = [("Conv", ["x", "w"], {}), ("Conv", ["v0", "d"], {"group": 4}), ("Add", ["b", "v1"], {})]
    model = build(x=("batch", 3, 4, 5), weights=weights, nodes=nodes)
    model.graph.outputs.append(model.graph[1].outputs[0])
    model.graph.outputs[1].type = ir.TensorType(ir.DataType.FLOAT)
    rewritten = check(model, run, whole(random, 2, 3, 4, 5), kinds=["Conv", "Conv"])
    assert kinds_of(rewritten)[-1] == "Add", "what the Add reads is an output itself"
    model.graph.outputs.pop()
    rewritten = check(model, run, whole(random, 2, 3, 4, 5), kinds=["Conv", "Conv"])
    assert kinds_of(rewritten) == ["Conv", "Conv"]


def test_normalizations_are_folded_or_become_scales(build, run, random):
    weights = {"w": short(random, 4, 3, 1, 1), "g": np.ones(4, "f4"), "b": short(random, 4), "m": short(random, 4)}
    weights["v"] = np.full(4, 0.25 - 1e-5, "f4")
    nodes = [("Conv", ["x", "w"], {}), ("BatchNormalization", ["v0", *"gbmv"], {}), ("Relu", ["v1"], {})]
    check(
        build(x=("batch", 3, 4), weights=weights | {"w": weights["w"][..., 0]}, nodes=nodes),
        run,
        whole(random, 2, 3, 4),
        kinds=["Conv"],
    )
    nodes = [("Relu", ["x"], {}), ("BatchNormalization", ["v0", *"gbmv"], {})]
    del weights["w"]
    check(build(x=("batch", 4, 5), weights=weights, nodes=nodes), run, whole(random, 2, 4, 5), kinds=["Scale"])


@pytest.mark.parametrize("opset", [8, 9, 11])
@pytest.mark.parametrize("old", [True, False])
def test_older_opsets_are_raised(build, run, random, opset, old):
    weights = {"w": short(random, 4, 3, 3, 3), "m": short(random, 64, 5) / 4, "flat": np.array([0, -1], dtype=np.int64)}
    nodes = [
        ("Conv", ["x", "w"], {"kernel_shape": [3, 3]}),
        ("Relu", ["v0"], {}),
        ("Reshape", ["v1", "flat"], {}),
        ("MatMul", ["v2", "m"], {}),
    ]
    model = build(x=("batch", 3, 6, 6), weights=weights, nodes=nodes, opset=opset)
    if old:
        model.ir_version = 3
        model.graph.inputs.extend(model.graph.initializers.values())
    rewritten = check(model, run, whole(random, 2, 3, 6, 6) / 4, kinds=["Conv", "MatMul"], most_samples=256)
    assert [value.name for value in rewritten.ir.graph.inputs] == ["x", "samples", "seed"]


def test_weights_in_another_file(build, run, random, tmp_path):
    model = build(
        x=("batch", 200),
        weights={"w": short(random, 200, 30), "u": short(random, 30, 4)},
        nodes=[("MatMul", ["x", "w"], {}), ("Relu", ["v0"], {}), ("MatMul", ["v1", "u"], {})],
        opset=11,
    )
    x = whole(random, 2, 200) / 16
    ir.save(model, tmp_path / "model.onnx", external_data="model.data", size_threshold_bytes=0)
    rewritten = psb.rewrite(tmp_path / "model.onnx", exclude="n0", **EXACT)
    (tmp_path / "out").mkdir()
    psb.save(rewritten, tmp_path / "out" / "model.psb.onnx")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model.psb.onnx"]
    saved = ir.load(tmp_path / "out" / "model.psb.onnx")
    np.testing.assert_allclose(run(saved, x, samples=256), run(model, x), atol=2**-7)


def test_nodes_left_in_float_are_listed_with_the_reason(build, random):
    weights = {"w": short(random, 4, 4), "h": short(random, 4, 4).astype(np.float16), "b": short(random, 2, 4, 4)}
    nodes = [
        ("MatMul", ["x", "w"], {}),
        ("MatMul", ["v0", "v0"], {}),
        ("MatMul", ["w", "v1"], {}),
        ("MatMul", ["v2", "b"], {}),
        ("Cast", ["h"], {"to": 1}),
        ("MatMul", ["v3", "v4"], {}),
    ]
    rewritten = psb.rewrite(build(x=(2, 4, 4), weights=weights, nodes=nodes), exclude=["n0"])
    assert [layer.name for layer in rewritten.layers] == ["n5"]
    assert {left.name: left.reason for left in rewritten.left} == {
        "n0": "it is excluded",
        "n1": "its weights are not constant",
        "n2": "its weights are not constant",
        "n3": "its weights have 3 axes, not 2",
    }


def test_a_node_can_have_samples_of_its_own(build, run, random):
    model = build(
        x=("batch", 6),
        weights={"w": short(random, 6, 6)},
        nodes=[("MatMul", ["x", "w"], {}), ("Relu", ["v0"], {}), ("MatMul", ["v1", "w"], {})],
    )
    x = whole(random, 2, 6)
    own = psb.rewrite(model, node_samples={"n*": 4}).ir
    assert np.array_equal(run(own, x, samples=1), run(own, x, samples=64))
    assert np.array_equal(run(own, x), run(psb.rewrite(model, samples=4).ir, x))


def test_a_model_is_refused_in_one_line(build, random):
    plain = build(x=("batch", 4), weights={"w": short(random, 4, 4)}, nodes=[("MatMul", ["x", "w"], {})])
    with pytest.raises(ModelError, match="rewritten already"):
        psb.rewrite(psb.rewrite(plain).ir)
    with pytest.raises(ModelError, match=r"a node to rewrite, got none \(no node multiplies"):
        psb.rewrite(build(x=("batch", 4), weights={}, nodes=[("Relu", ["x"], {})]))
    with pytest.raises(ModelError, match=r"got none \(MatMul 'n0': it is excluded"):
        psb.rewrite(plain, exclude="*")
    with pytest.raises(OptionError, match="nodes that can be rewritten, got 'conv'; the first such nodes are: n0"):
        psb.rewrite(plain, exclude="conv")
    with pytest.raises(OptionError, match="power of two from 1 to 64, got 128"):
        psb.rewrite(plain, samples=128, most_samples=64)
    with pytest.raises(DataError):
        psb.rewrite(plain, calibrate=np.zeros((3, 5), "f4"))
    taken = build(x=("batch", 4), weights={"seed": short(random, 4, 4)}, nodes=[("MatMul", ["x", "seed"], {})])
    with pytest.raises(ModelError, match="no value named 'seed', the name of an added input"):
        psb.rewrite(taken)


def test_the_model_handed_in_is_not_changed():
    before = ir.to_proto(ir.load(demo.model())).SerializeToString(deterministic=True)
    model = ir.load(demo.model())
    psb.rewrite(model)
    assert ir.to_proto(model).SerializeToString(deterministic=True) == before


def test_the_file_survives_being_loaded_and_saved_again(tmp_path):
    rewritten = psb.rewrite(demo.model(), calibrate=demo.data())
    psb.save(rewritten, tmp_path / "once.onnx")
    ir.save(ir.load(tmp_path / "once.onnx"), tmp_path / "twice.onnx")
    with np.load(demo.data()) as data:
        image = data["image"][:4]
    once, twice = (
        ort.InferenceSession(tmp_path / name, quiet()).run(None, {"image": image, "samples": np.array(4)})[0]
        for name in ("once.onnx", "twice.onnx")
    )
    assert np.array_equal(once, twice)


def quiet() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return options


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(OptionError, match="cannot write"):
        psb.save(psb.rewrite(demo.model()), tmp_path / "nowhere" / "model.onnx")


def test_a_file_takes_nine_bits_a_weight_and_a_fixed_part(build, random, tmp_path):
    sizes = []
    for width in (200, 400):
        w = random.standard_normal((width, width)).astype(np.float32)
        rewritten = psb.rewrite(build(x=("batch", width), weights={"w": w}, nodes=[("MatMul", ["x", "w"], {})]))
        psb.save(rewritten, tmp_path / "m.onnx")
        onnx.checker.check_model(tmp_path / "m.onnx", full_check=True)
        sizes.append((tmp_path / "m.onnx").stat().st_size)
    assert sizes[1] - sizes[0] <= (400**2 - 200**2) * 9 / 8 + 200 * 4 + 100
    assert sizes[0] - 200**2 * 9 / 8 < 140_000
