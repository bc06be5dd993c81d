"""The sample axis of every input, from declared shapes of real models."""

import numpy as np
import pytest

from relucid.analyzer.data import fixed_batch, input_specs

F4 = np.dtype("f4")


def axes(*shapes):
    return [spec.sample_axis for spec in input_specs([(f"i{n}", F4, shape) for n, shape in enumerate(shapes)])]


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([("batch", 3, 32, 32)], [0]),
        ([("batch", "sequence"), (2, "batch", 128), ()], [0, 1, None]),  # silero VAD
        ([(), ("N", 4)], [None, 0]),
        ([(1, 1, 28, 28)], [0]),
        ([(1, 3), (1, 5), (4, 5), ()], [0, 0, None, None]),
        ([(1, 3), ("boxes", 4)], [0, None]),
        ([("x_axes_1", "x_axes_2"), ("mask_axes_1", "mask_axes_2"), (3, 4)], [0, 0, None]),
        ([(None, 3), (None, 4), ("N", 2), (7, 2)], [0, 0, 0, None]),
        ([None], [0]),
        ([None, ("batch", 2)], [0, 0]),
        ([("batch", "batch")], [0]),
        ([(2, "batch", 128), ("batch", "sequence")], [1, 0]),  # the state first
        ([("time", "batch_size", 64), ("time", 3)], [1, 0]),
        ([("x_batch", 3), ("y_batch", 3)], [0, 0]),
        ([()], [None]),
        ([], []),
    ],
)
def test_sample_axis(shapes, expected):
    assert axes(*shapes) == expected


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [([(1, 784)], 1), ([(), (8, 3)], 8), ([("N", 784)], None), ([(None, 3)], None), ([None], None), ([()], None)],
)
def test_fixed_batch(shapes, expected):
    assert fixed_batch(input_specs([(f"i{n}", F4, shape) for n, shape in enumerate(shapes)])) == expected


def test_an_array_of_no_axes_is_shared_where_the_rank_is_open():
    undeclared, declared = input_specs([("a", F4, None), ("b", F4, ("N",))])
    assert undeclared.axis_of(0) is None
    assert undeclared.axis_of(2) == 0
    assert declared.axis_of(1) == 0


def test_dtype_is_a_dtype_whatever_was_declared():
    (spec,) = input_specs([("x", np.float32, ("N",))])
    assert spec.dtype == np.dtype("float32")
    assert spec.description == "float32 (N,)"
