"""Random data: seeded, independent of the number of samples, in the declared shapes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from relucid.analyzer.data import input_specs, open_data
from relucid.analyzer.errors import DataError

DTYPES = ["f2", "f4", "f8", "i1", "u1", "i4", "i8", "?"]


def arrays(text, specs, whole, seed=0):
    return whole(open_data(text, specs, seed=seed), specs)


@settings(max_examples=25)
@given(few=st.integers(1, 30), many=st.integers(31, 60), slices=st.integers(50, 5000), seed=st.integers(0, 2**31))
def test_fewer_samples_are_the_first_of_more_however_they_are_sliced(whole, few, many, slices, seed):
    specs = input_specs(
        [(name, np.dtype(name), ("batch", 3)) for name in DTYPES] + [("state", np.dtype("f4"), (2, "batch"))]
    )
    with pytest.MonkeyPatch.context() as patch:
        short = arrays(f"random:{few}", specs, whole, seed)
        patch.setattr("relucid.analyzer.data.random_data.SLICE_BYTES", slices)
        long = arrays(f"random:{many}", specs, whole, seed)
    for spec in specs:
        assert long[spec.name].dtype == spec.dtype
        assert long[spec.name].shape[spec.sample_axis] == many
        np.testing.assert_array_equal(np.take(long[spec.name], range(few), spec.sample_axis), short[spec.name])


def test_seeds_and_inputs_differ(whole):
    specs = input_specs([("a", np.dtype("f4"), ("batch", 50)), ("b", np.dtype("f4"), ("batch", 50))])
    one, two = (arrays("random:4", specs, whole, seed) for seed in (1, 2))
    assert not np.array_equal(one["a"], one["b"])
    assert not np.array_equal(one["a"], two["a"])


def test_values_are_as_documented(whole):
    specs = input_specs([(name, np.dtype(name), ("batch", 1000)) for name in DTYPES])
    found = arrays("random:20", specs, whole)
    assert stats.kstest(found["f8"].ravel(), "norm").pvalue > 1e-3
    assert stats.kstest(found["f4"].ravel(), "norm").pvalue > 1e-3
    assert set(np.unique(found["u1"])) == set(range(256))
    for name in ("i1", "i4", "i8"):
        assert set(np.unique(found[name])) == {0, 1}
    assert set(np.unique(found["?"])) == {False, True}


def test_shared_inputs_are_drawn_once(whole, speech):
    batches = list(open_data("random:5:time=7", speech))
    assert {name: array.shape for name, array in batches[0].arrays.items()} == {
        "input": (5, 7),
        "state": (2, 5, 3),
        "sr": (),
    }


def test_without_a_sample_axis_every_batch_is_another_sample():
    specs = input_specs([("x", np.dtype("f4"), ())])
    values = [float(batch.arrays["x"]) for batch in open_data("random:5", specs)]
    assert len(set(values)) == 5


def test_large_data_is_read_in_slices(whole):
    specs = input_specs([("x", np.dtype("f4"), ("batch", 3, 224, 224))])
    batches = open_data("random:1000000000", specs)
    assert next(batches).arrays["x"].nbytes < 1 << 22


def test_open_dimensions_get_a_size_by_name(whole):
    specs = input_specs([("x", np.dtype("f4"), ("batch", 3, "height", "width"))])
    assert arrays("random:2:height=4,width=5", specs, whole)["x"].shape == (2, 3, 4, 5)


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("random:0", ("N",), "expected random:N or random:N:NAME=SIZE,NAME=SIZE with numbers of at least 1"),
        ("random:", ("N",), "expected random:N"),
        ("random:-3", ("N",), "expected random:N"),
        ("random:²", ("N",), "expected random:N"),
        ("random:3:w", ("N", "w"), "expected random:N"),
        ("random:3:w=0", ("N", "w"), "expected random:N"),
        (
            "random:3",
            ("N", "w"),
            r"expected a size for axis 1 of input 'x', float32 \(N, w\), got none; give it as random:3:w=SIZE",
        ),
        ("random:3:w=2", ("N", "w", "h"), "a size for axis 2 .* got none; give it as random:3:w=2,h=SIZE"),
        ("random:3", ("N", None), r"a size for axis 1 of input 'x', float32 \(N, \?\), got none; give data in a file"),
        ("random:3:h=2", ("N", "w"), "expected open dimensions of the model, got 'h'; those are 'w'"),
        ("random:3:N=2", ("N", 3), "got 'N'; all but the number of samples are fixed"),
        ("random:40:H=9", (1, 3), "got 'H'; all but the number of samples are fixed"),
        ("random:3:h=2", ("N", None), "got 'h'; those are none"),
        ("random:3:h=2", None, "got 'h'; those are none"),
        ("random:3", None, "expected a declared shape for input 'x', got none; give data in a file"),
    ],
)
def test_refusals(text, shape, message):
    specs = input_specs([("x", np.dtype("f4"), shape)])
    with pytest.raises(DataError, match=message):
        open_data(text, specs)


def test_text_is_not_drawn():
    with pytest.raises(DataError, match="expected numbers or booleans, got object"):
        open_data("random:3", input_specs([("x", np.dtype("O"), ("N",))]))
