"""Exactly the weights closest to zero are pruned."""

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relucid.analyzer.errors import OptionError
from relucid.plugins import psb
from relucid.plugins.psb.evaluation.read_layers import extract_layers
from relucid.plugins.psb.rewriting.prune import PrunePass, prune_tensors

tensors = st.lists(arrays(np.float32, st.integers(0, 12), elements=st.floats(-4, 4, width=32)), max_size=3)


@given(tensors, st.floats(0, 0.99))
def test_the_share_is_met_and_what_goes_is_smaller_than_what_stays(tensors, share):
    for over in ("tensor", "model"):
        found = prune_tensors(tensors, share=share, over=over)
        groups = list(zip(tensors, found, strict=True))
        if over == "model" and tensors:
            groups = [(np.concatenate(tensors), np.concatenate(found))]
        for before, after in groups:
            gone = after != before
            assert (after[gone] == 0).all()
            expected = round(share * before.size)
            assert expected - np.count_nonzero(before == 0) <= gone.sum() <= expected
            assert not gone.any() or np.abs(before[gone]).max() <= np.abs(before[~gone & (before != 0)]).min(initial=9)


def test_pruning_comes_before_folding(build):
    """A normalization that makes the smallest weights the largest does not save them."""
    w = np.array([[1, 2], [3, 4]], dtype=np.float32).reshape(2, 2, 1, 1)
    numbers = {"g": [100, 1], "b": [0, 0], "m": [0, 0], "v": [1, 1]}
    weights = {"w": w} | {name: np.array(n, dtype=np.float32) for name, n in numbers.items()}
    nodes = [("Conv", ["x", "w"], {}), ("BatchNormalization", ["v0", *"gbmv"], {})]
    model = build(x=("batch", 2, 3, 3), weights=weights, nodes=nodes)
    (layer,) = psb.rewrite(model, prune=0.5).layers
    assert (layer.weights.mean() == 0).reshape(2, 2)[:, 0].all(), "the unit with the small weights"
    assert (layer.weights.mean() != 0).sum() == 2


def test_each_tensor_or_the_whole_model(build):
    weights = {"w": np.full((2, 2), 4, "f4"), "u": np.array([[1, 2], [3, 3]], "f4")}
    model = build(x=("batch", 2), weights=weights, nodes=[("MatMul", ["x", "w"], {}), ("MatMul", ["v0", "u"], {})])

    def left(**options) -> list[int]:
        return [int((layer.weights.mean() != 0).sum()) for layer in psb.rewrite(model, **options).layers]

    assert left() == [4, 4]
    assert left(prune=0.5) == [2, 2]
    assert left(prune=0.5, prune_over="model") == [4, 0]
    assert left(prune=0.5, prune_over="model", exclude="n1") == [2], "excluded weights are not compared with"


def test_shared_weights_are_pruned_once_and_other_readers_keep_them(build, run):
    weights = {"w": np.array([[1, 2], [4, 3]], "f4")}
    nodes = [("MatMul", ["x", "w"], {}), ("Gemm", ["v0", "w"], {}), ("Mul", ["v1", "w"], {})]
    model = build(x=(2, 2), weights=weights, nodes=nodes)
    copy = ir.from_proto(ir.to_proto(model))
    prune = PrunePass(share=0.5, over="tensor", selects=lambda _: True)
    assert prune(copy).modified
    assert not prune(copy).modified
    x = np.eye(2, dtype=np.float32)
    kept = np.array([[0, 0], [4, 3]], "f4")
    np.testing.assert_array_equal(run(copy, x), (x @ kept @ kept) * weights["w"])
    assert copy.graph[0].inputs[1] is copy.graph[1].inputs[1]


def test_pruned_weights_are_stored_as_zeros(build):
    w = np.random.default_rng(0).standard_normal((20, 10)).astype(np.float32)
    model = build(x=("batch", 20), weights={"w": w}, nodes=[("MatMul", ["x", "w"], {})])
    ((_, layer),) = extract_layers(psb.rewrite(model, prune=0.25, exponent_bits=5).ir)
    assert np.count_nonzero(layer.weights.exponent == 0) == 50


@pytest.mark.parametrize(
    ("options", "said"), [({"prune": 1.0}, "from 0 to below 1"), ({"prune_over": "layer"}, "tensor, model")]
)
def test_options_without_a_meaning_are_refused(build, options, said):
    model = build(x=("batch", 1), weights={"w": np.ones((1, 1), "f4")}, nodes=[("MatMul", ["x", "w"], {})])
    with pytest.raises(OptionError, match=said):
        psb.rewrite(model, **options)
