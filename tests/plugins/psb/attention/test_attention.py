"""The graph with two passes equals two passes of the reference, layer by layer, with masks from the formulas."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from relucid.analyzer.errors import ModelError, OptionError
from relucid.plugins import psb
from relucid.plugins.psb import reference
from relucid.plugins.psb.attention import uncertainty
from relucid.plugins.psb.evaluation.read_layers import extract_layers, extract_table

CALLS = {"samples": 16, "base": 2, "seed": 5}


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((3, 2, 9, 8)).astype(np.float32)


def net(build, head: str, *, opset: int = 17, size: tuple = (9, 8)):
    """Two convolutions, a stride, an average over positions, and one of several classifiers."""
    random = np.random.default_rng(2)
    weights = {
        "a": random.standard_normal((4, 2, 3, 3)).astype("f4"),
        "b": random.standard_normal((6, 4, 3, 3)).astype("f4"),
        "c": random.standard_normal(6).astype("f4"),
        "m": random.standard_normal((6, 5)).astype("f4"),
        "mt": random.standard_normal((5, 6)).astype("f4"),
        "k": random.standard_normal((5, 6, 1, 1)).astype("f4"),
        "bias": random.standard_normal(5).astype("f4"),
    }
    nodes = [
        ("Conv", ["x", "a"], {"pads": [1, 1, 1, 1]}),
        ("Relu", ["v0"], {}),
        ("Conv", ["v1", "b", "c"], {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
        ("Relu", ["v2"], {}),
    ]
    if head == "gemm":
        nodes += [
            ("GlobalAveragePool", ["v3"], {}),
            ("Flatten", ["v4"], {}),
            ("Gemm", ["v5", "mt", "bias"], {"transB": 1}),
        ]
        used = ["a", "b", "c", "mt", "bias"]
    elif head == "matmul":
        nodes += [
            ("ReduceMean", ["v3"], {"axes": [-1, -2], "keepdims": 0}),
            ("MatMul", ["v4", "m"], {}),
            ("Softmax", ["v5"], {}),
        ]
        used = ["a", "b", "c", "m"]
    elif head == "conv":
        nodes += [
            ("AveragePool", ["v3"], {"kernel_shape": [5, 4]}),
            ("Conv", ["v4", "k", "bias"], {}),
            ("Flatten", ["v5"], {}),
        ]
        used = ["a", "b", "c", "k", "bias"]
    else:
        nodes += [("GlobalAveragePool", ["v3"], {}), ("Flatten", ["v4"], {})]
        used = ["a", "b", "c"]
    return build(x=("batch", 2, *size), weights={name: weights[name] for name in used}, nodes=nodes, opset=opset)


def by_hand(rewritten: psb.Rewritten, x: np.ndarray, select) -> tuple[np.ndarray, np.ndarray]:
    """Scores before the softmax, and the mask."""
    layers = {node.name: layer for node, layer in extract_layers(rewritten.ir)}
    table = extract_table(rewritten.ir)
    base = {"table": table, "samples": CALLS["base"], "seed": CALLS["seed"]}
    high = base | {"samples": CALLS["samples"]}
    first = np.maximum(low_a := reference.apply(layers["n0.base"], x, **base), 0)
    features = np.maximum(low_b := reference.apply(layers["n2.base"], first, **base), 0)
    positions = features.transpose(0, 2, 3, 1)
    name = next((name for name in layers if name.endswith(".map")), None)
    mask = select(positions if name is None else reference.apply(layers[name], positions, **base))

    def inside(new: np.ndarray, old: np.ndarray) -> np.ndarray:
        return np.where(uncertainty.resize_mask(mask, new.shape[2:])[:, None], new, old)

    second = np.maximum(inside(reference.apply(layers["n0"], x, **high), low_a), 0)
    features = np.maximum(inside(reference.apply(layers["n2"], second, **high), low_b), 0)
    return features, mask


@pytest.mark.parametrize("head", ["gemm", "matmul", "conv", "none"])
@pytest.mark.parametrize("attention", ["entropy", "entropy+margin"])
@pytest.mark.parametrize("score", ["class_entropy", "feature_ce"])
def test_the_graph_is_the_two_passes_by_hand(build, start, x, head, attention, score):
    model = net(build, head)
    rewritten = psb.rewrite(model, calibrate=x, attention=attention, score=score, mask=True)
    score_of = {"class_entropy": uncertainty.entropy, "feature_ce": uncertainty.feature_cross_entropy}[score]

    def select(a: np.ndarray) -> np.ndarray:
        mask = uncertainty.above_mean(score_of(a))
        return uncertainty.dilate(mask) if attention == "entropy+margin" else mask

    features, mask = by_hand(rewritten, x, select)
    assert 0 < mask.mean() < 1
    assert np.array_equal(outputs(rewritten, x, "mask"), mask[:, None])
    assert np.array_equal(outputs(rewritten, x, "v3"), features)


def outputs(rewritten: psb.Rewritten, x: np.ndarray, name: str, **inputs: int) -> np.ndarray:
    """A value inside the model, from stock onnxruntime."""
    import onnxruntime as ort

    model = rewritten.ir.clone()
    if name not in {value.name for value in model.graph.outputs}:
        model.graph.outputs.append(next(out for node in model.graph for out in node.outputs if out.name == name))
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(ir.to_proto(model).SerializeToString(), options)
    there = {value.name for value in model.graph.inputs}
    knobs = {key: np.array(n) for key, n in (CALLS | inputs).items() if key in there}
    return session.run([name], {"x": x} | knobs)[0]


def test_a_random_mask_is_drawn_for_each_image_and_covers_its_share(build, x):
    rewritten = psb.rewrite(net(build, "gemm"), calibrate=x, attention="random", coverage=0.4, mask=True)
    many = np.repeat(x[:1], 200, axis=0)
    mask = outputs(rewritten, many, "mask")[:, 0]
    assert mask.mean() == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / mask.size))
    assert len({image.tobytes() for image in mask}) == 200
    number = 2 * len(rewritten.layers)
    assert np.array_equal(mask, uncertainty.random_mask(mask.shape, coverage=0.4, seed=CALLS["seed"], node=number))
    features, _ = by_hand(rewritten, x, lambda _: mask[:3].astype(bool))
    assert np.array_equal(outputs(rewritten, x, "v3"), features)


def test_with_everything_or_nothing_in_the_mask_one_of_the_passes_is_left(build, x):
    """With full coverage only the second pass counts; with none the features are those of the first."""
    model = net(build, "none")
    full = psb.rewrite(model, calibrate=x, attention="random", coverage=1.0)
    assert np.array_equal(outputs(full, x, "v3", base=1), outputs(full, x, "v3", base=16))
    none = psb.rewrite(model, calibrate=x, attention="random", coverage=0.0)
    assert np.array_equal(outputs(none, x, "v3", samples=1), outputs(none, x, "v3", samples=64))
    assert not np.array_equal(outputs(none, x, "v3", base=1), outputs(none, x, "v3", base=64))
    assert np.array_equal(outputs(none, x, "v3", base=4), outputs(psb.rewrite(model, calibrate=x), x, "v3", samples=4))


def test_defaults_and_names_and_the_layers_without_positions(build, run, x):
    rewritten = psb.rewrite(net(build, "gemm"), calibrate=x, attention="entropy", base=2, refine=16)
    names = [value.name for value in rewritten.ir.graph.inputs]
    assert names == ["x", "samples", "seed", "base"]
    assert [value.name for value in rewritten.ir.graph.outputs] == ["v6"]
    assert np.array_equal(run(rewritten.ir, x), run(rewritten.ir, x, samples=16, base=2, seed=0))
    nodes = [node.name for node, _ in extract_layers(rewritten.ir)]
    assert "n6.base" not in nodes, "the first pass needs no classifier of averages"
    assert {"n0.base", "n2.base", "n6.map", "n0", "n2", "n6"} == set(nodes)
    assert len({layer.number for _, layer in extract_layers(rewritten.ir)}) == 6, "every operator draws for itself"
    proto = ir.to_proto(rewritten.ir)
    onnx.checker.check_model(proto, full_check=True)


@pytest.mark.parametrize("opset", [12, 13, 18, 20])
def test_every_opset_and_open_sizes(build, run, x, opset):
    head = "gemm" if opset < 18 else "none"
    fixed = psb.rewrite(net(build, head, opset=opset), calibrate=x, attention="entropy+margin").ir
    free = psb.rewrite(net(build, head, opset=opset, size=("h", "w")), calibrate=x, attention="entropy+margin").ir
    assert np.array_equal(run(fixed, x, **CALLS), run(free, x, **CALLS))


def test_one_axis_and_an_excluded_layer_and_a_shortcut(build, run):
    random = np.random.default_rng(3)
    weights = {name: random.standard_normal((4, 4, 3)).astype("f4") for name in "ab"}
    nodes = [
        ("Conv", ["x", "a"], {"pads": [1, 1]}),
        ("Relu", ["v0"], {}),
        ("Conv", ["v1", "b"], {"pads": [1, 1]}),
        ("Add", ["v2", "x"], {}),
        ("Relu", ["v3"], {}),
        ("GlobalAveragePool", ["v4"], {}),
    ]
    x = random.standard_normal((2, 4, 7)).astype("f4")
    model = build(x=("batch", 4, 7), weights=weights, nodes=nodes)
    rewritten = psb.rewrite(model, calibrate=x, attention="entropy", exclude="n2")
    assert [node.op_type for node in rewritten.ir.graph].count("Conv") == 4, "two of ours, and the one in float twice"
    assert np.isfinite(run(rewritten.ir, x, **CALLS)).all()


def test_what_attention_cannot_do_is_one_line(build, x):
    def flat(nodes, **weights):
        return build(x=("batch", 2, 9, 8), weights=weights, nodes=nodes)

    k, m = np.ones((2, 2, 1, 1), "f4"), np.ones((2, 2), "f4")
    plain = flat([("Conv", ["x", "k"], {}), ("Flatten", ["v0"], {})], k=k)
    with pytest.raises(ModelError, match="averages its last feature map"):
        psb.rewrite(plain, attention="entropy")
    deep = [
        ("Conv", ["x", "k"], {}),
        ("GlobalAveragePool", ["v0"], {}),
        ("Flatten", ["v1"], {}),
        ("MatMul", ["v2", "m"], {}),
    ]
    deep += [("Relu", ["v3"], {}), ("MatMul", ["v4", "m"], {})]
    with pytest.raises(ModelError, match=r"one linear layer between .* but Relu 'n4' reads the averages"):
        psb.rewrite(flat(deep, k=k, m=m), attention="entropy")
    assert psb.rewrite(flat(deep, k=k, m=m), attention="entropy", score="feature_ce").layers
    model = net(build, "gemm")
    for options, said in [
        ({"attention": "margin"}, "entropy, entropy"),
        ({"attention": "entropy", "score": "ce"}, "class_entropy, feature_ce"),
        ({"attention": "random", "coverage": 1.5}, "from 0 to 1"),
        ({"attention": "entropy", "base": 3}, "power of two"),
    ]:
        with pytest.raises(OptionError, match=said):
            psb.rewrite(model, **options)
