"""Attention by channels and by neuron: the selected weights, and their draws."""

from fractions import Fraction

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relucid.analyzer.errors import OptionError
from relucid.plugins import psb
from relucid.plugins.psb import reference
from relucid.plugins.psb.attention.weight_attention import (
    from_table_rows,
    joined_rows,
    select_channels,
    select_neurons,
    to_table_rows,
)
from relucid.plugins.psb.encoding.packing import Packed, pack
from relucid.plugins.psb.evaluation.read_layers import extract_layers
from relucid.plugins.psb.ops.operators import OLDEST_OPSET

SETTINGS = settings(max_examples=25)
KINDS = ("channels", "neuron")
levels = st.builds(psb.Levels, st.integers(1, 5), st.sampled_from(["nearest", "ends", "middles"]))
samples = st.sampled_from([1, 2, 4, 16, 64])
withins = st.sampled_from([0.0, 0.1, 0.25, 0.4375, 0.5])
seeds = st.integers(0, 2**63 - 1)


def weights_of(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Weights over a few powers of two, some of them zero."""
    w = random.standard_normal(shape) * np.exp2(random.integers(-6, 3, shape))
    return np.where(random.random(shape) < 0.1, 0, w).astype(np.float32)


def probabilities(weights: Packed) -> list[Fraction]:
    """p of every weight, zeros included."""
    return [weights.levels.probabilities[level] for level in weights.level]


@SETTINGS
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 4)),
        elements=st.floats(-4, 4, width=32),
    ),
    levels,
)
def test_channels_are_the_units_whose_mean_probability_exceeds_that_of_the_tensor(w, levels):
    """Means as fractions, weight by weight; a weight of 0 has no probability."""
    weights = pack(w, levels=levels)
    p = np.array(probabilities(weights), dtype=object).reshape(w.shape)
    held = (weights.exponent > 0).reshape(w.shape)
    everywhere = p[held].tolist()
    chosen = select_channels(weights, w.shape).reshape(w.shape)
    for group, unit in np.ndindex(w.shape[0], w.shape[2]):
        own = [p[group, i, unit] for i in range(w.shape[1]) if held[group, i, unit]]
        above = bool(own) and sum(own) / len(own) > sum(everywhere) / len(everywhere)
        assert (chosen[group, :, unit] == above).all()


@SETTINGS
@given(arrays(np.float32, 12, elements=st.floats(-4, 4, width=32)), levels, withins)
def test_neurons_are_the_weights_with_a_probability_near_one_half(w, levels, within):
    weights = pack(w, levels=levels)
    meant = [abs(p - Fraction(1, 2)) <= Fraction(within) for p in probabilities(weights)]
    assert select_neurons(weights, within=within).tolist() == meant
    if within == 0.5:
        assert all(meant)


@SETTINGS
@given(st.sampled_from(KINDS), levels, withins, st.data())
def test_what_is_stored_says_level_and_choice_again(kind, levels, within, data):
    """By neuron in the bits of the level, by channels in one more."""
    count = 2**levels.bits
    level = data.draw(arrays(np.int64, 9, elements=st.integers(0, count - 1)))
    rows = joined_rows(kind, levels, within=within)
    if kind == "neuron":
        chosen = np.array([abs(p - Fraction(1, 2)) <= Fraction(within) for p in levels.probabilities])[level]
    else:
        chosen = data.draw(arrays(np.bool_, 9))
    codes = to_table_rows(level, chosen, rows, levels=count)
    assert codes.max() < count * (1 + (kind == "channels"))
    found = from_table_rows(codes, rows, levels=count)
    assert np.array_equal(found[0], level)
    assert np.array_equal(found[1], chosen)


def layer_of(build, kind: str, random: np.random.Generator, groups: int) -> tuple[ir.Model, np.ndarray]:
    """A model of one layer, and its input."""
    if kind == "MatMul":
        x, w = random.standard_normal((3, 7)), weights_of(random, 7, 5)
        model = build(x=("batch", 7), weights={"w": w}, nodes=[("MatMul", ["x", "w"], {})])
    elif kind == "Scale":
        x, weights = random.standard_normal((2, 5, 3)), {name: weights_of(random, 5) for name in "gbm"}
        weights["v"] = np.abs(weights_of(random, 5)) + np.float32(0.1)
        model = build(x=("batch", 5, 3), weights=weights, nodes=[("BatchNormalization", ["x", *"gbmv"], {})])
    else:
        x = random.standard_normal((2, 2 * groups, 5, 4))
        shape = (2 * groups, 3) if kind == "ConvTranspose" else (3 * groups, 2)
        weights = {"w": weights_of(random, *shape, 3, 2), "b": weights_of(random, 3 * groups)}
        nodes = [(kind, ["x", "w", "b"], {"group": groups, "pads": [1, 0, 1, 1]})]
        model = build(x=("batch", *x.shape[1:]), weights=weights, nodes=nodes)
    return model, (8 * x).astype(np.float32)


@SETTINGS
@given(
    st.sampled_from(["Conv", "ConvTranspose", "MatMul", "Scale"]),
    st.integers(1, 2),
    st.sampled_from(KINDS),
    levels,
    withins,
    samples,
    samples,
    seeds,
    st.booleans(),
    st.booleans(),
)
def test_the_graph_is_the_integer_reference(
    build, run, op_type, groups, kind, levels, within, base, samples, seed, per_image, exact_dyadics
):
    model, x = layer_of(build, op_type, np.random.default_rng(seed % 1000), groups)
    options = {"levels": levels, "per_image": per_image, "exact_dyadics": exact_dyadics, "most_samples": 64}
    rewritten = psb.rewrite(model, calibrate=x, attention=kind, within=within, **options)
    (layer,) = rewritten.layers
    found = run(rewritten.ir, x, samples=samples, base=base, seed=seed)
    meant = reference.apply(layer, x, table=rewritten.table, samples=samples, base=base, seed=seed)
    np.testing.assert_array_equal(found, meant.reshape(found.shape))


@settings(SETTINGS, max_examples=12)
@given(st.sampled_from(KINDS), levels, withins, samples, samples, seeds)
def test_each_weight_draws_as_it_would_if_all_took_its_number_of_samples(
    build, run, kind, levels, within, base, samples, seed
):
    """One input at a time shows the weights of a layer as they were drawn."""
    w = weights_of(np.random.default_rng(seed % 1000), 6, 5)
    model = build(x=("batch", 6), weights={"w": w}, nodes=[("MatMul", ["x", "w"], {})])
    mixed = psb.rewrite(model, attention=kind, within=within, levels=levels, most_samples=64)
    plain = psb.rewrite(model, levels=levels, most_samples=64).ir
    chosen = mixed.layers[0].refined.reshape(w.shape)
    x = np.eye(6, dtype=np.float32)
    few, many = (run(plain, x, samples=n, seed=seed) for n in (base, samples))
    found = run(mixed.ir, x, samples=samples, base=base, seed=seed)
    np.testing.assert_array_equal(found, np.where(chosen, many, few))


@pytest.fixture(scope="module")
def small(build):
    """A convolution, a normalization that is not folded and a product, without an average over positions."""

    def made(opset: int = 17) -> ir.Model:
        random = np.random.default_rng(5)
        weights = {"w": weights_of(random, 4, 3, 3, 3), "m": weights_of(random, 4 * 16, 5)}
        weights |= {name: np.abs(weights_of(random, 4)) + np.float32(0.5) for name in "gbuv"}
        weights |= {"flat": np.array([0, -1], dtype=np.int64)}
        nodes = [
            ("Conv", ["x", "w"], {}),
            ("Relu", ["v0"], {}),
            ("BatchNormalization", ["v1", *"gbuv"], {}),
            ("Reshape", ["v2", "flat"], {}),
            ("MatMul", ["v3", "m"], {}),
        ]
        return build(x=("batch", 3, 6, 6), weights=weights, nodes=nodes, opset=opset)

    return made


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(6).standard_normal((4, 3, 6, 6)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_with_one_number_of_samples_nothing_is_left_of_attention(small, start, x, kind):
    plain, mixed = psb.rewrite(small(), calibrate=x), psb.rewrite(small(), calibrate=x, attention=kind)
    of_plain, of_mixed = start(plain.ir), start(mixed.ir)
    for n in (1, 16, 1024):
        assert np.array_equal(of_mixed(x, samples=n, base=n, seed=3), of_plain(x, samples=n, seed=3))
    few = of_mixed(x, samples=16, base=1, seed=3)
    assert not np.array_equal(few, of_plain(x, samples=16, seed=3))
    assert not np.array_equal(few, of_plain(x, samples=1, seed=3))
    for one, other in zip(psb.cost(plain), psb.cost(mixed), strict=True):
        (alike,) = psb.cost(mixed, samples=(one.samples,), base=one.samples)
        assert (alike.shifts, alike.adds, alike.random_bits) == (one.shifts, one.adds, one.random_bits)
        assert other.shifts <= one.shifts


def test_within_one_half_all_weights_are_refined(small, run, x):
    every = psb.rewrite(small(), calibrate=x, attention="neuron", within=0.5)
    plain = psb.rewrite(small(), calibrate=x)
    assert np.array_equal(run(every.ir, x, samples=8, base=1), run(plain.ir, x, samples=8))


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_names_and_a_layer_with_samples_of_its_own(small, start, x, kind):
    options = {"attention": kind, "base": 2, "refine": 32, "node_samples": {"n4": 4}}
    rewritten = psb.rewrite(small(), calibrate=x, **options)
    assert [value.name for value in rewritten.ir.graph.inputs] == ["x", "samples", "seed", "base"]
    run = start(rewritten.ir)
    assert np.array_equal(run(x), run(x, samples=32, base=2, seed=0))
    assert [layer.refined is None for layer in rewritten.layers] == [False, False, True]
    draws = {"table": rewritten.table, "samples": 32, "base": 2, "seed": 0}
    conv, scale, product = rewritten.layers
    h = reference.apply(scale, np.maximum(reference.apply(conv, x, **draws), 0), **draws)
    assert np.array_equal(run(x), reference.apply(product, h.reshape(4, -1), **draws))
    (one,) = psb.cost(rewritten, samples=(32,))
    assert [node.samples for node in one.nodes] == [32, 32, 4]
    assert {node.turn for node in one.nodes} == {"only"}
    bits = 10 if kind == "channels" else 9
    assert [node.weight_bits for node in one.nodes] == [bits, bits, 9]


@pytest.mark.parametrize("kind", KINDS)
def test_the_layers_of_a_file_are_those_that_were_written(small, x, kind, tmp_path):
    rewritten = psb.rewrite(small(), calibrate=x, attention=kind, within=0.2)
    psb.save(rewritten, tmp_path / "m.onnx")
    onnx.checker.check_model(str(tmp_path / "m.onnx"), full_check=True)
    for (_, found), meant in zip(extract_layers(ir.load(tmp_path / "m.onnx")), rewritten.layers, strict=True):
        assert np.array_equal(found.refined, meant.refined)
        assert np.array_equal(found.weights.level, meant.weights.level)
        assert found.weights.levels.bits == meant.weights.levels.bits


@pytest.mark.parametrize("opset", [OLDEST_OPSET, 13])
def test_every_opset_gives_the_same(small, run, x, opset):
    expected = run(psb.rewrite(small(), attention="channels").ir, x, base=2)
    assert np.array_equal(run(psb.rewrite(small(opset), attention="channels").ir, x, base=2), expected)


def test_a_layer_as_wide_as_float64_allows_is_exact(build, run):
    """All activations at their extremes, all signs alike, coarse and finest steps together."""
    random = np.random.default_rng(0)
    w = np.full((2000, 3), 1.9, np.float32)
    w[1900:] = 1 + random.random((100, 3))
    w[1950:] *= np.exp2(-20.0)
    model = build(x=("batch", 2000), weights={"w": w}, nodes=[("MatMul", ["x", "w"], {})])
    rewritten = psb.rewrite(model, exponent_bits=5, most_samples=64, attention="neuron")
    (layer,) = rewritten.layers
    assert layer.bits_needed(most_samples=64) == 53
    assert 0 < layer.refined.mean() < 0.1
    x = np.full((1, 2000), 100, np.float32)
    x[0, 1950:] = random.choice([-40, 31.99], 50)
    for numbers in ({"samples": 64, "base": 1}, {"samples": 1, "base": 64}):
        meant = reference.apply(layer, x, table=rewritten.table, seed=1, **numbers)
        assert np.array_equal(run(rewritten.ir, x, seed=1, **numbers), meant)


def test_the_cost_is_counted_weight_by_weight(build):
    """1.5 has p = 1/2 and is refined by neuron; 1 and 1.0625 are not, and 0 costs nothing."""
    w = np.array([[1.5, 1.0625, 0.0], [1.0625, 1.0, 1.5], [1.5, 0.0, 0.0]], "f4")
    model = build(x=("batch", 5, 3), weights={"w": w}, nodes=[("MatMul", ["x", "w"], {})])
    (one,) = psb.cost(psb.rewrite(model, attention="neuron", base=2), samples=(16,))
    (node,) = one.nodes
    assert (node.nonzero, node.refined, node.products) == (6, 3, 5 * 6)
    drawn = 5 * (3 * 16 + 3 * 2)
    outputs, two_steps = 5 * 3, 5  # the first unit has weights of both kinds
    assert (one.shifts, one.adds) == (drawn + outputs + two_steps, drawn + 2 * outputs + two_steps)
    assert one.random_bits == 3 * 16 + 2 * 2, "1 leaves nothing to chance"
    assert (one.base, one.coverage, one.two_passes) == (2, 1.0, False)
    assert one.weight_bits == 9 * 9


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"attention": "neurons"}, "random, channels, neuron, got 'neurons'"),
        ({"attention": "neuron", "within": 0.6}, "from 0 to 0.5, got 0.6"),
        ({"attention": "channels", "mask": True}, "which selects weights, got True; omit mask=True"),
        ({"attention": "channels", "base": 3}, "power of two"),
    ],
)
def test_what_has_no_meaning_is_one_line(small, options, said):
    with pytest.raises(OptionError, match=said):
        psb.rewrite(small(), **options)
