"""The axis that counts samples is found by where the batch of the input went."""

import pytest


@pytest.mark.parametrize(
    ("inputs", "initializers", "nodes", "axis"),
    [
        ("float[B, 6] x", "float[6, 5] w = {0}", "z = MatMul(x, w)", 0),
        ("float[B, 6] x", "float[6, 5] w = {0}", "m = MatMul(x, w) z = Transpose(m)", 1),
        ("float[B, T, 6] x", "float[6, 5] w = {0}", "m = MatMul(x, w) z = Transpose<perm = [1, 0, 2]>(m)", 1),
        ("float[7, T, 6] x", "float[6, 5] w = {0}", "m = MatMul(x, w) z = Transpose<perm = [1, 0, 2]>(m)", 1),
        ("float[1, T, 6] x", "float[6, 5] w = {0}", "m = MatMul(x, w) z = Transpose<perm = [1, 0, 2]>(m)", 0),
        (
            "float[4, 2, 3, 6, 7] x",
            "float[5, 3, 3, 3] w = {0}, int64[4] s = {-1, 3, 6, 7}",
            "f = Reshape(x, s) z = Conv(f, w)",
            0,
        ),
        (
            "float[4, T, 3, 6, 7] x",
            "float[5, 3, 3, 3] w = {0}, int64[4] s = {-1, 3, 6, 7}",
            "f = Reshape(x, s) z = Conv(f, w)",
            0,
        ),
        ("float[0, T, 6] x", "float[6, 5] w = {0}", "m = MatMul(x, w) z = Transpose<perm = [1, 0, 2]>(m)", 0),
        ("float[4, 7, 6] x", "float[6, 5] w = {0}", "m = MatMul(x, w) z = Transpose<perm = [1, 0, 2]>(m)", 1),
    ],
)
def test_the_samples_stand_where_the_batch_of_the_input_went(sites_of, inputs, initializers, nodes, axis):
    (site,) = sites_of(f"g ({inputs}) => (float y) <{initializers}> {{ {nodes} y = Relu(z) }}")
    assert site.sample_axis == axis
