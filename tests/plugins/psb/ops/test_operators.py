"""The operators in stock onnxruntime equal the integer reference, bit for bit, for any layer."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.plugins import psb
from relucid.plugins.psb import reference
from relucid.plugins.psb.evaluation.read_layers import find_operators
from relucid.plugins.psb.ops.operators import OLDEST_OPSET, build_functions

SETTINGS = settings(max_examples=25)


def weights_of(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Weights over many powers of two, some of them zero, some powers of two themselves."""
    w = random.standard_normal(shape) * np.exp2(random.integers(-12, 3, shape))
    w[random.random(shape) < 0.1] = 0
    whole = random.random(shape) < 0.1
    w[whole] = np.exp2(np.round(np.log2(np.abs(w[whole]) + 1e-3)))
    return w.astype(np.float32)


@st.composite
def convolutions(draw: st.DrawFn):
    """A convolution of one, two or three axes, with any geometry that leaves something to compute."""
    axes = draw(st.integers(1, 3))
    transposed = draw(st.booleans())
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    units, inputs = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    kernel = draw(st.lists(st.integers(1, 3), min_size=axes, max_size=axes))
    size = draw(st.lists(st.integers(5, 6), min_size=axes, max_size=axes))
    attributes = {
        "group": groups,
        "strides": draw(st.lists(st.integers(1, 3), min_size=axes, max_size=axes)),
        "dilations": draw(st.lists(st.integers(1, 2), min_size=axes, max_size=axes)),
    }
    where = draw(st.sampled_from(["NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]))
    if where == "NOTSET":
        attributes["pads"] = draw(st.lists(st.integers(0, 1), min_size=2 * axes, max_size=2 * axes))
    else:
        attributes["auto_pad"] = where
    if where != "VALID":
        attributes["dilations"] = attributes["dilations"] if where == "NOTSET" else [1] * axes
    if transposed and draw(st.booleans()):
        attributes["output_padding"] = [s - 1 for s in attributes["strides"]]
    elif transposed and where == "NOTSET" and draw(st.booleans()):
        del attributes["pads"]
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, attributes["dilations"], strict=True)]
        less = draw(st.lists(st.integers(0, 1), min_size=axes, max_size=axes))
        parts = zip(size, attributes["strides"], spans, less, strict=True)
        attributes["output_shape"] = [(i - 1) * s + k - t for i, s, k, t in parts]
    shape = (groups * inputs, units) if transposed else (groups * units, inputs)
    return "ConvTranspose" if transposed else "Conv", (*shape, *kernel), (groups * inputs, *size), attributes


def agree(rewritten: psb.Rewritten, run, x: np.ndarray, *, samples: int, seed: int) -> None:
    (layer,) = rewritten.layers
    found = run(rewritten.ir, x, samples=samples, seed=seed)
    meant = reference.apply(layer, x, table=rewritten.table, samples=samples, seed=seed)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, meant.reshape(found.shape))


samples = st.sampled_from([1, 2, 4, 8, 64, 1024])
seeds = st.integers(0, 2**63 - 1)
kinds = st.builds(psb.Levels, st.integers(1, 5), st.sampled_from(["nearest", "ends", "middles"]))


@SETTINGS
@given(convolutions(), st.sampled_from([1, 2, 4, 16]), seeds, kinds, st.booleans(), st.booleans())
def test_convolutions(build, run, shapes, samples, seed, levels, per_image, calibrated):
    op_type, shape, size, attributes = shapes
    random = np.random.default_rng(seed % 1000)
    weights = {"w": weights_of(random, *shape), "b": weights_of(random, shape[op_type == "ConvTranspose"])}
    if op_type == "ConvTranspose":
        weights["b"] = weights_of(random, shape[1] * attributes["group"])
    model = build(x=("batch", *size), weights=weights, nodes=[(op_type, ["x", "w", "b"], attributes)])
    x = (random.standard_normal((2, *size)) * 10).astype(np.float32)
    rewritten = psb.rewrite(
        model, calibrate=x if calibrated else None, levels=levels, per_image=per_image, most_samples=1024
    )
    agree(rewritten, run, x, samples=samples, seed=seed)


@SETTINGS
@given(
    st.sampled_from(["MatMul", "MatMul + Add", "Gemm", "BatchNormalization"]),
    st.lists(st.integers(1, 4), min_size=0, max_size=2),
    st.integers(1, 9),
    st.integers(1, 5),
    samples,
    seeds,
    st.booleans(),
    st.booleans(),
)
def test_products_and_normalizations(build, run, kind, between, inputs, units, samples, seed, per_image, flipped):
    random = np.random.default_rng(seed % 1000)
    shape = (3, *between, inputs)
    if kind == "Gemm":
        shape = (3, inputs)
        w = weights_of(random, *((units, inputs) if flipped else (inputs, units)))
        attributes = {"transB": int(flipped), "alpha": 0.5, "beta": -2.0}
        nodes, weights = [("Gemm", ["x", "w", "b"], attributes)], {"w": w, "b": weights_of(random, units)}
    elif kind == "BatchNormalization":
        shape = (3, units, *between)
        weights = {name: weights_of(random, units) for name in "gbm"} | {"v": np.abs(weights_of(random, units))}
        nodes = [("BatchNormalization", ["x", *"gbmv"], {})]
    else:
        weights = {"w": weights_of(random, inputs, units), "b": weights_of(random, units)}
        nodes = [("MatMul", ["x", "w"], {}), ("Add", ["b", "v0"] if flipped else ["v0", "b"], {})][
            : kind.count(" ") + 1
        ]
        weights = weights if len(nodes) == 2 else {"w": weights["w"]}
    model = build(x=("batch", *shape[1:]), weights=weights, nodes=nodes)
    x = (random.standard_normal(shape) * 10).astype(np.float32)
    rewritten = psb.rewrite(model, per_image=per_image, exponent_bits=int(random.integers(2, 5)))
    agree(rewritten, run, x, samples=samples, seed=seed)


def test_a_layer_as_wide_as_float64_allows_is_exact_and_a_wider_one_stays_in_float(build, run):
    """All activations at their extremes, all signs alike: the largest possible sums, and the finest steps."""
    random = np.random.default_rng(0)
    w = np.abs(weights_of(random, 2000, 3)) + np.float32(1e-9)
    w[:1900] = 1.9
    w[1950:] = np.exp2(-20.0) * 1.7
    model = build(
        x=("batch", 2000),
        weights={"w": w, "u": weights_of(random, 3, 3)},
        nodes=[("MatMul", ["x", "w"], {}), ("Relu", ["v0"], {}), ("MatMul", ["v1", "u"], {})],
    )
    rewritten = psb.rewrite(model, exponent_bits=5, most_samples=64, exclude="n2")
    (layer,) = rewritten.layers
    assert layer.bits_needed(most_samples=64) == 53
    x = np.where(random.random((2, 2000)) < 0.5, 31.99, -40).astype(np.float32)
    x[1] = 100
    agree(psb.Rewritten(_first_output(rewritten.ir), rewritten.layers, (), rewritten.table), run, x, samples=64, seed=1)
    wider = psb.rewrite(model, exponent_bits=5, most_samples=128)
    assert [layer.name for layer in wider.layers] == ["n2"]
    assert "can need 54 bits, and float64 is exact up to 53" in wider.left[0].reason


def _first_output(model: ir.Model) -> ir.Model:
    """The model cut after its first operator."""
    model = model.clone()
    first = find_operators(model)[0].outputs[0]
    model.graph.outputs[0] = first
    first.type = ir.TensorType(ir.DataType.FLOAT)
    return model


@pytest.fixture(scope="module")
def small(build) -> ir.Model:
    random = np.random.default_rng(5)
    weights = {"w": weights_of(random, 4, 3, 3, 3), "b": weights_of(random, 4), "m": weights_of(random, 4 * 36, 5)}
    weights |= {"flat": np.array([0, -1], dtype=np.int64)}
    return build(
        x=("batch", 3, 6, 6),
        weights=weights,
        nodes=[
            ("Conv", ["x", "w", "b"], {"pads": [1, 1, 1, 1]}),
            ("Relu", ["v0"], {}),
            ("Reshape", ["v1", "flat"], {}),
            ("MatMul", ["v2", "m"], {}),
        ],
        opset=13,
    )


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(6).standard_normal((4, 3, 6, 6)).astype(np.float32)


def test_a_whole_network_is_its_layers_one_after_the_other(small, x, run):
    rewritten = psb.rewrite(small, calibrate=x)
    first, second = rewritten.layers
    draws = {"table": rewritten.table, "samples": 8, "seed": 11}
    hidden = np.maximum(reference.apply(first, x, **draws), 0).reshape(4, -1)
    meant = reference.apply(second, hidden, **draws)
    assert np.array_equal(run(rewritten.ir, x, samples=8, seed=11), meant)
    assert np.array_equal(run(rewritten.ir, x, samples=8, seed=11, exact=True), meant), "no optimisation changes a bit"


def test_samples_and_seed_have_defaults_and_every_session_draws_alike(small, x, run):
    rewritten = psb.rewrite(small, samples=4, seed=9)
    plain = run(rewritten.ir, x)
    assert np.array_equal(plain, run(rewritten.ir, x, samples=4, seed=9))
    assert not np.array_equal(plain, run(rewritten.ir, x, samples=4, seed=10))
    assert not np.array_equal(plain, run(rewritten.ir, x, samples=8, seed=9))


@pytest.mark.parametrize("samples", [0, 3, 128])
def test_the_runtime_refuses_a_number_of_samples_that_is_not_there(small, x, run, samples):
    with pytest.raises(Exception, match="samples_must_be_a_power_of_two"):
        run(psb.rewrite(small, most_samples=64).ir, x, samples=samples)


def test_images_share_their_draws_unless_they_are_to_have_their_own(small, x, run):
    same = np.repeat(x[:1], 3, axis=0)
    shared = run(psb.rewrite(small).ir, same, samples=1)
    assert (shared == shared[0]).all()
    own = run(psb.rewrite(small, per_image=True).ir, same, samples=1)
    assert (own != own[0]).any(axis=1).tolist() == [False, True, True]
    assert np.array_equal(own[0], shared[0])


def test_the_mean_over_draws_nears_the_float_network_as_one_over_the_square_root_of_n(build, start):
    """One layer, weights that 8 bits hold: the error of one draw falls by 2 where n grows by 4. Thesis, (4.10)."""
    random = np.random.default_rng(1)
    w = (random.integers(1, 256, (16, 40)) / 128).astype(np.float32)
    x = random.standard_normal((1, 16)).astype(np.float32)
    model = build(x=("batch", 16), weights={"w": w}, nodes=[("MatMul", ["x", "w"], {})])
    rewritten = psb.rewrite(model, levels=psb.Levels(8), calibrate=x, most_samples=256)
    errors = []
    drawn = start(rewritten.ir)
    for n in (1, 4, 16, 64):
        draws = np.stack([drawn(x, samples=n, seed=seed)[0] for seed in range(40)])
        errors.append(np.sqrt(np.mean((draws - x @ w) ** 2)))
        assert np.abs(draws.mean(axis=0) - x @ w).max() < 5 * errors[-1] / np.sqrt(40)
    slope = np.polyfit(np.log([1, 4, 16, 64]), np.log(errors), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.05)


@pytest.mark.parametrize("opset", [OLDEST_OPSET, 13, 17, 18, 21, 22, 24])
def test_every_opset_gives_the_same(small, x, run, opset):
    rewritten = psb.rewrite(small)
    expected = run(rewritten.ir, x, samples=2)
    newer = rewritten.ir.clone()
    newer.ir_version = 10
    newer.opset_imports[""] = opset
    newer.functions.clear()
    for function in build_functions(opset):
        newer.functions[function.identifier()] = function
    assert np.array_equal(run(newer, x, samples=2), expected)


def test_the_checker_and_shape_inference_accept_the_model(small):
    proto = ir.to_proto(psb.rewrite(small).ir)
    onnx.checker.check_model(proto, full_check=True)
    for value in proto.graph.value_info:
        value.Clear()
    del proto.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    types = {value.name: value.type.tensor_type.elem_type for value in inferred.graph.value_info}
    assert types["v0"] == onnx.TensorProto.FLOAT
