"""Arrays that fit pass unchanged; others raise one line with what was expected, what was given and what to do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from relucid.analyzer.data import input_specs
from relucid.analyzer.data.lazy_array import LazyArray
from relucid.analyzer.data.validation import SLICE_BYTES, conform
from relucid.analyzer.errors import DataError


def fit(array, dtype="f4", shape=("batch", 1, 4, 5)):
    """The array after conforming, joined again."""
    specs = input_specs([("x", np.dtype(dtype), shape)])
    slices = list(conform({"x": LazyArray.of(np.asarray(array))}, specs, source="data"))
    return np.concatenate([arrays["x"] for arrays, _ in slices])


def refusal(array, dtype="f4", shape=("batch", 1, 4, 5)):
    with pytest.raises(DataError) as caught:
        fit(array, dtype, shape)
    message = str(caught.value)
    assert "\n" not in message
    return message


@given(
    array=hnp.arrays(
        st.sampled_from(["f2", "f4", "f8", ">f4", ">f8"]),
        st.tuples(st.integers(1, 9), st.just(2)),
        elements=st.floats(-100, 100, width=16),
    ),
    expected=st.sampled_from(["f2", "f4", "f8"]),
)
def test_floats_are_widened_and_only_float64_is_narrowed(array, expected):
    got, expected = array.dtype.newbyteorder("="), np.dtype(expected)
    if got.itemsize > expected.itemsize and got != np.float64:
        assert "convert it first, for example x.astype('float16')" in refusal(array, expected, ("batch", 2))
    else:
        found = fit(array, expected, ("batch", 2))
        assert found.dtype == expected
        np.testing.assert_array_equal(found, array)  # multiples of a float16 step: exact in each of them


@given(
    array=hnp.arrays(st.sampled_from(["i1", "u1", "i4", ">i4", "u4", "i8", "u8"]), st.integers(1, 9)),
    expected=st.sampled_from(["i1", "u1", "i4", "i8", "u8"]),
)
def test_integers_are_converted_exactly_if_every_value_fits(array, expected):
    limits = np.iinfo(expected)
    if all(limits.min <= value <= limits.max for value in array.tolist()):
        found = fit(array, expected, ("batch",))
        assert found.dtype == expected
        assert found.tolist() == array.tolist()
    else:
        assert "not all values fit" in refusal(array, expected, ("batch",))


def test_float64_beyond_the_range_is_refused_but_infinity_stays():
    assert "got float64 with values out of its range" in refusal(np.array([1e300]), "f4", ("batch",))
    assert fit(np.array([np.inf, -np.inf, 1.0]), "f4", ("batch",)).tolist() == [np.inf, -np.inf, 1.0]
    assert np.isnan(fit(np.array([np.nan]), "f4", ("batch",))).all()


def test_images_of_bytes_are_refused_for_a_float_input():
    assert refusal(np.zeros((7, 1, 4, 5), "u1")) == (
        "data: expected float32 (batch, 1, 4, 5) for input 'x', got uint8 (7, 1, 4, 5); "
        "scale the pixels first, for example x.astype('float32') / 255"
    )


@pytest.mark.parametrize(
    ("got", "expected", "hint"),
    [
        ("i8", "f4", "convert it first, for example x.astype('float32')"),
        ("?", "f4", "convert it first, for example x.astype('float32')"),
        ("f4", "i8", "convert it first, for example x.astype('int64')"),
        ("i8", "?", "convert it first, for example x.astype('bool')"),
        ("?", "i8", "convert it first, for example x.astype('int64')"),
        ("c8", "f4", "give float32"),
        ("U3", "f4", "give float32"),
        ("M8[s]", "i8", "give int64"),
        ("O", "f4", "object arrays are not read; make all rows of one length"),
        ("O", "O", "object arrays are not read; make all rows of one length"),
    ],
)
def test_other_dtypes_are_refused_with_advice(got, expected, hint):
    assert refusal(np.zeros(3, got), expected, ("batch",)).endswith(f"; {hint}")


@pytest.mark.parametrize(
    ("got", "expected", "hint"),
    [
        ((7, 4, 5), ("batch", 1, 4, 5), "add the axis of length 1: np.expand_dims(x, 1)"),
        ((7, 4, 5), (1, 1, 4, 5), "add the axis of length 1: np.expand_dims(x, 1)"),
        ((7, 4, 5), ("batch", 4, 5, 1), "add the axis of length 1: np.expand_dims(x, 3)"),
        ((3, 4, 5), ("batch", 3, 4, 5), "for a single sample, add the sample axis: np.expand_dims(x, 0)"),
        ((3, 4, 5), (1, 3, 4, 5), "for a single sample, add the sample axis: np.expand_dims(x, 0)"),
        ((2, 3), (2, "batch", 3), "for a single sample, add the sample axis: np.expand_dims(x, 1)"),
        ((7, 4, 5, 3), ("batch", 3, 4, 5), "if the channels are last, use np.moveaxis(x, -1, 1)"),
        ((7, 3, 4, 5), ("batch", 4, 5, 3), "if the channels are first, use np.moveaxis(x, 1, -1)"),
        ((7, 4, 5), ("batch", 20), "reshape it: x.reshape(-1, 20)"),
        ((7, 20), ("batch", 1, 4, 5), "reshape it: x.reshape(-1, 1, 4, 5)"),
        ((), ("batch", 3), None),
        ((7, 9), ("batch", 3), None),
        ((7, 1, 1, 9), ("batch", 3), None),
        ((7, 9), (), None),
    ],
)
def test_a_wrong_shape_is_refused_with_a_hint_that_works(got, expected, hint):
    x = np.zeros(got, "f4")
    message = refusal(x, shape=expected)
    if hint is None:
        assert message.endswith(f"got float32 {got}")
        return
    assert message.endswith(f"; {hint}")
    assert fit(eval(hint[hint.index("np." if "np." in hint else "x.") :]), shape=expected).size == x.size


def test_open_dimensions_and_the_sample_axis_of_a_fixed_batch_are_free():
    assert fit(np.zeros((9, 7), "f4"), shape=(1, "time")).shape == (9, 7)
    assert fit(np.zeros((9, 7), "f4"), shape=(1, None)).shape == (9, 7)
    assert fit(np.zeros((9, 7), "f4"), shape=None).shape == (9, 7)


def test_a_scalar_for_an_input_of_open_rank_is_shared():
    specs = input_specs([("x", np.dtype("f4"), ("batch",)), ("k", np.dtype("i8"), None)])
    lazy = {"x": LazyArray.of(np.zeros(3, "f4")), "k": LazyArray.of(np.array(5))}
    ((arrays, _),) = conform(lazy, specs, source="data")
    assert arrays["k"] == 5


def test_ragged_arrays_are_refused(speech):
    lazy = {
        "input": LazyArray.of(np.zeros((5, 8), "f4")),
        "state": LazyArray.of(np.zeros((2, 4, 3), "f4")),
        "sr": LazyArray.of(np.array(1)),
    }
    with pytest.raises(DataError, match="samples in all arrays, got input 'input' 5, input 'state' 4"):
        list(conform(lazy, speech, source="data"))


@pytest.mark.parametrize("labels", [np.zeros(3), np.zeros((3, 1), "i8"), np.zeros(3, "?"), np.array(["a", "b", "c"])])
def test_labels_are_one_integer_a_sample(labels):
    specs = input_specs([("x", np.dtype("f4"), ("batch",))])
    with pytest.raises(DataError, match="expected labels with one integer for each sample"):
        list(conform({"x": LazyArray.of(np.zeros(3, "f4"))}, specs, source="data", labels=LazyArray.of(labels)))


def test_slices_have_bounded_size_and_are_views_unless_converted():
    specs = input_specs([("x", np.dtype("f4"), ("batch", 1024))])
    array = np.zeros((3 * SLICE_BYTES // 4096 + 1, 1024), "f4")
    slices = [arrays["x"] for arrays, _ in conform({"x": LazyArray.of(array)}, specs, source="data")]
    assert len(slices) == 4
    assert all(each.nbytes <= SLICE_BYTES for each in slices)
    assert all(np.shares_memory(each, array) for each in slices)
    assert sum(map(len, slices)) == len(array)


def test_a_sample_larger_than_a_slice_is_read_alone():
    specs = input_specs([("x", np.dtype("f4"), ("batch", SLICE_BYTES))])
    array = np.zeros((2, SLICE_BYTES), "f4")
    slices = [arrays["x"] for arrays, _ in conform({"x": LazyArray.of(array)}, specs, source="data")]
    assert list(map(len, slices)) == [1, 1]
