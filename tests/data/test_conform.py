"""Arrays that fit are handed on unchanged, the others refused in one line that says what was wanted and what to do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from relucid.analyzer.data import input_specs
from relucid.analyzer.data.rows import Held
from relucid.analyzer.data.validation import SLICE_BYTES, conform
from relucid.analyzer.errors import DataError


def fit(array, dtype="f4", shape=("batch", 1, 4, 5)):
    """The array after conforming, put together again."""
    specs = input_specs([("x", np.dtype(dtype), shape)])
    feeds = list(conform({"x": Held(np.asarray(array))}, specs, source="data"))
    return np.concatenate([feed.arrays["x"] for feed in feeds])


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
    wanted=st.sampled_from(["f2", "f4", "f8"]),
)
def test_floats_are_widened_and_only_float64_is_narrowed(array, wanted):
    came, wanted = array.dtype.newbyteorder("="), np.dtype(wanted)
    if came.itemsize > wanted.itemsize and came != np.float64:
        assert "convert it yourself, for instance x.astype('float16')" in refusal(array, wanted, ("batch", 2))
    else:
        found = fit(array, wanted, ("batch", 2))
        assert found.dtype == wanted
        np.testing.assert_array_equal(found, array)  # multiples of a float16 step: exact in each of them


@given(
    array=hnp.arrays(st.sampled_from(["i1", "u1", "i4", ">i4", "u4", "i8", "u8"]), st.integers(1, 9)),
    wanted=st.sampled_from(["i1", "u1", "i4", "i8", "u8"]),
)
def test_integers_are_converted_exactly_where_every_value_fits(array, wanted):
    limits = np.iinfo(wanted)
    if all(limits.min <= value <= limits.max for value in array.tolist()):
        found = fit(array, wanted, ("batch",))
        assert found.dtype == wanted
        assert found.tolist() == array.tolist()
    else:
        assert "not all values fit" in refusal(array, wanted, ("batch",))


def test_float64_beyond_the_range_is_refused_but_infinity_stays():
    assert "came float64 with values it cannot hold" in refusal(np.array([1e300]), "f4", ("batch",))
    assert fit(np.array([np.inf, -np.inf, 1.0]), "f4", ("batch",)).tolist() == [np.inf, -np.inf, 1.0]
    assert np.isnan(fit(np.array([np.nan]), "f4", ("batch",))).all()


def test_images_of_bytes_are_refused_for_a_float_input():
    assert refusal(np.zeros((7, 1, 4, 5), "u1")) == (
        "data: input 'x' wants float32 (batch, 1, 4, 5), came uint8 (7, 1, 4, 5): "
        "scale the pixels yourself, for instance x.astype('float32') / 255"
    )


@pytest.mark.parametrize(
    ("came", "wanted", "hint"),
    [
        ("i8", "f4", "convert it yourself, for instance x.astype('float32')"),
        ("?", "f4", "convert it yourself, for instance x.astype('float32')"),
        ("f4", "i8", "convert it yourself, for instance x.astype('int64')"),
        ("i8", "?", "convert it yourself, for instance x.astype('bool')"),
        ("?", "i8", "convert it yourself, for instance x.astype('int64')"),
        ("c8", "f4", "give float32"),
        ("U3", "f4", "give float32"),
        ("M8[s]", "i8", "give int64"),
        ("O", "f4", "object arrays are never read; are the rows of different lengths?"),
        ("O", "O", "object arrays are never read; are the rows of different lengths?"),
    ],
)
def test_other_dtypes_are_refused_with_advice(came, wanted, hint):
    assert refusal(np.zeros(3, came), wanted, ("batch",)).endswith(f": {hint}")


@pytest.mark.parametrize(
    ("came", "wanted", "hint"),
    [
        ((7, 4, 5), ("batch", 1, 4, 5), "add the axis of length 1: np.expand_dims(x, 1)"),
        ((7, 4, 5), (1, 1, 4, 5), "add the axis of length 1: np.expand_dims(x, 1)"),
        ((7, 4, 5), ("batch", 4, 5, 1), "add the axis of length 1: np.expand_dims(x, 3)"),
        ((3, 4, 5), ("batch", 3, 4, 5), "is it one sample? add the sample axis: np.expand_dims(x, 0)"),
        ((3, 4, 5), (1, 3, 4, 5), "is it one sample? add the sample axis: np.expand_dims(x, 0)"),
        ((2, 3), (2, "batch", 3), "is it one sample? add the sample axis: np.expand_dims(x, 1)"),
        ((7, 4, 5, 3), ("batch", 3, 4, 5), "are the channels last? np.moveaxis(x, -1, 1)"),
        ((7, 3, 4, 5), ("batch", 4, 5, 3), "are the channels first? np.moveaxis(x, 1, -1)"),
        ((7, 4, 5), ("batch", 20), "fold it: x.reshape(-1, 20)"),
        ((7, 20), ("batch", 1, 4, 5), "fold it: x.reshape(-1, 1, 4, 5)"),
        ((), ("batch", 3), None),
        ((7, 9), ("batch", 3), None),
        ((7, 1, 1, 9), ("batch", 3), None),
        ((7, 9), (), None),
    ],
)
def test_a_wrong_shape_is_refused_with_a_hint_that_mends_it(came, wanted, hint):
    x = np.zeros(came, "f4")
    message = refusal(x, shape=wanted)
    if hint is None:
        assert message.endswith(f"came float32 {came}")
        return
    assert message.endswith(f": {hint}")
    assert fit(eval(hint[hint.index("np." if "np." in hint else "x.") :]), shape=wanted).size == x.size


def test_open_dimensions_and_the_sample_axis_of_a_fixed_batch_are_free():
    assert fit(np.zeros((9, 7), "f4"), shape=(1, "time")).shape == (9, 7)
    assert fit(np.zeros((9, 7), "f4"), shape=(1, None)).shape == (9, 7)
    assert fit(np.zeros((9, 7), "f4"), shape=None).shape == (9, 7)


def test_a_scalar_for_an_input_of_open_rank_is_shared():
    specs = input_specs([("x", np.dtype("f4"), ("batch",)), ("k", np.dtype("i8"), None)])
    rows = {"x": Held(np.zeros(3, "f4")), "k": Held(np.array(5))}
    (feed,) = conform(rows, specs, source="data")
    assert feed.arrays["k"] == 5


def test_ragged_arrays_are_refused(speech):
    rows = {"input": Held(np.zeros((5, 8), "f4")), "state": Held(np.zeros((2, 4, 3), "f4")), "sr": Held(np.array(1))}
    with pytest.raises(DataError, match="the same number of samples, came input 'input' 5, input 'state' 4"):
        list(conform(rows, speech, source="data"))


@pytest.mark.parametrize("labels", [np.zeros(3), np.zeros((3, 1), "i8"), np.zeros(3, "?"), np.array(["a", "b", "c"])])
def test_labels_are_one_integer_a_sample(labels):
    specs = input_specs([("x", np.dtype("f4"), ("batch",))])
    with pytest.raises(DataError, match="labels want one integer for each sample"):
        list(conform({"x": Held(np.zeros(3, "f4"))}, specs, source="data", labels=Held(labels)))


def test_feeds_are_slices_of_bounded_size_and_views_where_nothing_is_converted():
    specs = input_specs([("x", np.dtype("f4"), ("batch", 1024))])
    array = np.zeros((3 * SLICE_BYTES // 4096 + 1, 1024), "f4")
    feeds = list(conform({"x": Held(array)}, specs, source="data"))
    assert len(feeds) == 4
    assert all(feed.arrays["x"].nbytes <= SLICE_BYTES for feed in feeds)
    assert all(np.shares_memory(feed.arrays["x"], array) for feed in feeds)
    assert sum(len(feed.arrays["x"]) for feed in feeds) == len(array)


def test_a_sample_larger_than_a_slice_comes_alone():
    specs = input_specs([("x", np.dtype("f4"), ("batch", SLICE_BYTES))])
    array = np.zeros((2, SLICE_BYTES), "f4")
    assert [len(feed.arrays["x"]) for feed in conform({"x": Held(array)}, specs, source="data")] == [1, 1]
