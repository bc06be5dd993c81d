"""Shifts, additions and random bits, compared with counts of the reference at work."""

import numpy as np
import pytest

from relucid.analyzer.errors import ModelError, OptionError
from relucid.plugins import psb
from relucid.plugins.psb import reference
from relucid.plugins.psb.evaluation.read_layers import extract_layers, extract_table


def counted(rewritten: psb.Rewritten, x: np.ndarray, samples: int, monkeypatch) -> tuple[int, int, int]:
    """Left shifts, outputs, and those of two steps, of the integer reference run on one image with base 1.

    A product of a zero weight is none.
    """
    shifts, outputs, two_steps = 0, 0, 0
    slow = reference.shift_add
    requantize = reference.requantize

    def shift_add(layer, x, ones, n):
        nonlocal shifts
        shifts += int(n[layer.weights.exponent > 0].sum())
        return slow(layer, x, ones, n)

    def counting_requantize(layer, total, n):
        nonlocal outputs, two_steps
        outputs += total.size
        taken = np.where(layer.weights.exponent > 0, n, 0).reshape(layer.shape)
        by_unit = np.swapaxes(taken, -1, -2).reshape(-1, layer.shape[-2]).tolist()
        two_steps += sum(len(set(each) - {0}) > 1 for each in by_unit)
        return requantize(layer, total, n)

    monkeypatch.setattr(reference, "shift_add", shift_add)
    monkeypatch.setattr(reference, "requantize", counting_requantize)
    (layer,) = rewritten.layers
    reference.apply(layer, x, table=rewritten.table, samples=samples, seed=0, base=1)
    return shifts, outputs, two_steps


@pytest.mark.parametrize("attention", [None, "channels", "neuron"])
@pytest.mark.parametrize("kind", ["Conv", "grouped", "MatMul", "rows", "Scale"])
def test_the_counts_are_those_of_the_reference_at_work(build, monkeypatch, kind, attention):
    random = np.random.default_rng(0)
    w = random.standard_normal({"Conv": (3, 2, 3, 2), "grouped": (4, 1, 3, 3)}.get(kind, (4, 5))).astype("f4")
    w.flat[::3] = 0
    shape, nodes = {
        "Conv": ((2, 7, 6), [("Conv", ["x", "w"], {"strides": [2, 1], "pads": [1, 0, 1, 0]})]),
        "grouped": ((2, 5, 5), [("Conv", ["x", "w"], {"group": 2})]),
        "MatMul": ((4,), [("MatMul", ["x", "w"], {})]),
        "rows": ((3, 4), [("MatMul", ["x", "w"], {})]),
        "Scale": ((5, 3, 2), [("BatchNormalization", ["x", *"gbmv"], {})]),
    }[kind]
    weights = {"w": w} if kind != "Scale" else {name: np.arange(1, 6).astype("f4") for name in "gbmv"}
    rewritten = psb.rewrite(build(x=("batch", *shape), weights=weights, nodes=nodes), attention=attention)
    x = random.standard_normal((1, *shape)).astype("f4")
    for one in psb.cost(rewritten, samples=(1, 8)):
        shifts, outputs, two_steps = counted(rewritten, x, one.samples, monkeypatch)
        assert (one.shifts, one.adds) == (shifts + outputs + two_steps, shifts + 2 * outputs + two_steps)
        monkeypatch.undo()
        if attention == "neuron" and kind not in {"Scale", "grouped"}:
            assert (two_steps > 0) == (one.samples > 1)


def test_a_transposed_convolution_uses_each_weight_at_each_input(build):
    w = np.ones((2, 3, 2, 2), "f4") * 1.5
    nodes = [("ConvTranspose", ["x", "w"], {"strides": [2, 2]})]
    (one,) = psb.cost(psb.rewrite(build(x=("batch", 2, 4, 5), weights={"w": w}, nodes=nodes)), samples=(4,))
    assert one.nodes[0].products == 24 * 20
    assert one.shifts == 4 * 24 * 20 + 3 * 8 * 10


def test_random_bits_and_weight_bits(build):
    w = np.array([[1.0, 1.5, -0.75, 0.0]], "f4")
    model = build(x=("batch", 1), weights={"w": w}, nodes=[("MatMul", ["x", "w"], {})])
    one, two = psb.cost(psb.rewrite(model), samples=(1, 2))
    assert (one.random_bits, two.random_bits) == (2, 4), "1 is a power of two, 0 is nothing"
    (dyadic,) = psb.cost(psb.rewrite(model, exact_dyadics=True), samples=(2,))
    assert dyadic.random_bits == 0, "p = 1/2 needs no chance from two samples on"
    assert one.weight_bits == 4 * 9
    (small,) = psb.cost(psb.rewrite(model, exponent_bits=3, levels=psb.Levels(2)), samples=(1,))
    assert small.weight_bits == 4 * 6


@pytest.fixture(scope="module")
def pooled(build):
    random = np.random.default_rng(0)
    weights = {"w": random.standard_normal((4, 2, 3, 3)).astype("f4"), "m": random.standard_normal((4, 3)).astype("f4")}
    nodes = [
        ("Conv", ["x", "w"], {}),
        ("Relu", ["v0"], {}),
        ("GlobalAveragePool", ["v1"], {}),
        ("Flatten", ["v2"], {}),
        ("MatMul", ["v3", "m"], {}),
    ]

    def make(*size):
        return build(x=("batch", 2, *size), weights=weights, nodes=nodes)

    return make


def test_two_passes_and_the_mask(pooled):
    model = pooled(8, 8)
    (plain,) = psb.cost(psb.rewrite(model), samples=(32,))
    rewritten = psb.rewrite(model, attention="entropy", base=2)
    (whole,), (part,) = (psb.cost(rewritten, samples=(32,), coverage=c) for c in (1.0, 0.25))
    turns = {node.name: node.turn for node in part.nodes}
    assert turns == {"n0.base": "base", "n4.map": "base", "n0": "refined", "n4": "refined"}
    of = {node.name: node for node in part.nodes}
    assert (of["n0.base"].samples, of["n0"].samples, of["n0"].share, of["n4"].share) == (2, 32, 0.25, 1.0)
    conv = next(node for node in plain.nodes if node.kind == "Conv")
    assert of["n0"].shifts == round(conv.shifts / 4)
    products = conv.products
    ratio = (2 * products + 0.25 * 32 * products) / (32 * products)
    assert psb.relative_cost(2, 32, 0.25) == pytest.approx(ratio)
    assert whole.shifts > part.shifts
    assert part.weight_bits == whole.weight_bits
    (other,) = psb.cost(rewritten, samples=(32,), base=8, coverage=0.25)
    assert other.nodes[0].samples == 8


def test_a_size_that_is_open_is_asked_for(pooled, tmp_path):
    rewritten = psb.rewrite(pooled("height", "width"))
    psb.save(rewritten, tmp_path / "m.onnx")
    with pytest.raises(OptionError, match="fixed size of input 'x'"):
        psb.cost(tmp_path / "m.onnx")
    found = psb.cost(tmp_path / "m.onnx", size={"x": (2, 8, 8)})
    assert [one.shifts for one in found] == [one.shifts for one in psb.cost(psb.rewrite(pooled(8, 8)))]


def test_the_table_of_figure_4_5():
    table = psb.cost_table(0.34)
    assert table.shape == (6, 6)
    assert table[1, 5] == pytest.approx((2 + 0.34 * 32) / 32)
    assert np.isnan(table[np.tril_indices(6, -1)]).all()
    assert table[np.diag_indices(6)] == pytest.approx(1.34)


def test_the_layers_of_a_file_are_those_that_were_written(pooled, tmp_path):
    rewritten = psb.rewrite(pooled(8, 8), node_samples={"n4": 4}, flush_to_zero=False, calibrate="random:4")
    for (_, found), meant in zip(extract_layers(rewritten.ir), rewritten.layers, strict=True):
        assert found.name == meant.name
        for part in ("negative", "exponent", "level"):
            assert np.array_equal(getattr(found.weights, part), getattr(meant.weights, part))
        for part in ("kind", "number", "shape", "fraction_in", "fraction_out", "per_image", "samples"):
            assert getattr(found, part) == getattr(meant, part), part
        assert found.weights.lowest == meant.weights.lowest
        assert np.array_equal(found.bias, meant.bias)
        assert dict(found.geometry) == dict(meant.geometry)
    table = extract_table(rewritten.ir)
    assert all(
        np.array_equal(getattr(table, part), getattr(rewritten.table, part))
        for part in ("bits", "starts", "cuts", "outcomes")
    )


def test_what_cannot_be_counted_is_one_line(pooled):
    with pytest.raises(ModelError, match=r"operators of the domain relucid\.psb, got none"):
        psb.cost(pooled(8, 8))
    rewritten = psb.rewrite(pooled(8, 8), most_samples=64)
    with pytest.raises(OptionError, match="power of two from 1 to 64"):
        psb.cost(rewritten, samples=(128,))
    with pytest.raises(OptionError, match="from 0 to 1"):
        psb.cost(rewritten, coverage=34)
