"""Taps as (sample, position, unit) hold the same numbers, whatever the axes of the model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.errors import DataError
from relucid.analyzer.runtime.tap_accumulator import as_float, in_axes
from relucid.analyzer.runtime.tap_runner import agree
from relucid.analyzer.sites import Site


def site(unit_axis: int, sample_axis: int = 0) -> Site:
    return Site("act", "z", "relu", unit_axis, sample_axis=sample_axis)


@given(shape=st.lists(st.integers(1, 4), min_size=2, max_size=5), data=st.data())
def test_a_sample_axis_anywhere_and_a_unit_axis_anywhere(shape: list[int], data: st.DataObject) -> None:
    sample = data.draw(st.integers(0, len(shape) - 1))
    unit = data.draw(st.integers(0, len(shape) - 1).filter(lambda axis: axis != sample))
    tap = np.random.default_rng(0).standard_normal(shape)
    got = in_axes(tap, site(unit, sample), batch=shape[sample])
    others = [axis for axis in range(len(shape)) if axis not in (sample, unit)]
    expected = tap.transpose(sample, *others, unit).reshape(shape[sample], -1, shape[unit])
    np.testing.assert_array_equal(got, expected)
    negative = in_axes(tap, site(unit - len(shape), sample), batch=shape[sample])
    np.testing.assert_array_equal(negative, expected)


@given(shape=st.lists(st.integers(1, 4), min_size=2, max_size=5))
def test_every_position_counts_every_coordinate_in_its_own_order(shape: list[int]) -> None:
    tap = np.random.default_rng(0).standard_normal(shape)
    got = in_axes(tap, site(len(shape) - 1), batch=shape[0], every_position=True)
    np.testing.assert_array_equal(got, tap.reshape(shape[0], 1, -1))


def test_channels_first_is_a_view() -> None:
    tap = np.zeros((2, 3, 4, 5), dtype=np.float32)
    assert np.shares_memory(in_axes(tap, site(1), batch=2), tap)


def test_samples_flattened_with_something_else_are_split() -> None:
    tap = np.arange(24.0).reshape(12, 2)
    np.testing.assert_array_equal(in_axes(tap, site(1), batch=3), tap.reshape(3, 4, 2))


def test_for_one_sample_every_other_axis_is_a_position() -> None:
    tap = np.arange(24.0).reshape(12, 2)
    np.testing.assert_array_equal(in_axes(tap, site(1), batch=1), tap.reshape(1, 12, 2))
    np.testing.assert_array_equal(in_axes(np.arange(3.0), site(0), batch=1), np.arange(3.0).reshape(1, 1, 3))


def test_a_number_for_each_sample_is_one_unit() -> None:
    np.testing.assert_array_equal(in_axes(np.arange(4.0), site(0), batch=4), np.arange(4.0).reshape(4, 1, 1))
    assert in_axes(np.array(2.0), site(0), batch=1).tolist() == [[[2.0]]]


@pytest.mark.parametrize("shape", [(), (3,), (3, 5)])
def test_taps_without_a_sample_axis_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"site 'act': expected an axis .* 2 samples .*; run with a batch of 1"):
        in_axes(np.zeros(shape), site(len(shape) - 1), batch=2)


@pytest.mark.parametrize(("shape", "expected"), [((0, 4), (1, 0, 4)), ((1, 4, 0), (1, 0, 4)), ((2, 4, 0), (2, 0, 4))])
def test_empty_taps_keep_their_units(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert in_axes(np.zeros(shape), site(1), batch=expected[0]).shape == expected


@pytest.mark.parametrize(
    ("dtype", "becomes"), [("f2", "f4"), ("f4", "f4"), ("f8", "f8"), ("i1", "f4"), ("u1", "f4"), ("i4", "f8")]
)
def test_numbers_become_floats_that_hold_them(dtype: str, becomes: str) -> None:
    tap = np.array([1, 2, 100], dtype=dtype)
    assert as_float(tap).dtype == becomes
    assert as_float(tap).tolist() == [1, 2, 100]


def test_agreement_is_up_to_rounding_and_not_beyond() -> None:
    z = np.random.default_rng(0).standard_normal((3, 4))
    assert agree(z, z * (1 + 1e-5))
    assert not agree(z, z[::-1])
    assert not agree(z, z.T)
    assert agree(np.array([np.inf, np.nan]), np.array([np.inf, np.nan]))
    assert not agree(np.array([np.inf, 1.0]), np.array([1.0, np.inf]))
    assert agree(np.zeros((2, 0)), np.zeros((2, 0)))
