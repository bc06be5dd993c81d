"""Co-moments against numpy.cov: in every memory layout, where naive sums cancel, and summed from many parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.analyzer.errors import StateError
from relucid.analyzer.stats import Block, CoMoment, PreactivationCoMoment, merge_all
from relucid.analyzer.stats.comoments import MAX_PENDING_MEANS, MomentSum

SHAPES = [(7, 5, 3), (1, 4000, 2), (300, 1, 40), (2, 9, 700), (1, 1, 4), (64, 64, 64)]


def check(state: CoMoment, h: np.ndarray) -> None:
    rows = h.reshape(-1, h.shape[-1]).astype(np.float64)
    assert state.count == len(rows)
    scale = np.abs(rows).max() + 1
    np.testing.assert_allclose(state.mean, rows.mean(axis=0), rtol=0, atol=1e-12 * scale)
    expected = np.atleast_2d(np.cov(rows.T, bias=True))
    np.testing.assert_allclose(state.covariance, expected, rtol=0, atol=1e-12 * scale**2)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_numpy_in_both_memory_orders(shape: tuple[int, int, int], dtype: type) -> None:
    z = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    first = np.ascontiguousarray(z.transpose(0, 2, 1)).transpose(0, 2, 1)
    for each in (z, first):
        check(CoMoment.of(Block(each)), np.maximum(z, 0))
        check(PreactivationCoMoment.of(Block(each)), z)


@pytest.mark.parametrize("shape", [(7, 5, 3), (1, 4000, 2), (300, 1, 4)])
def test_the_size_of_the_stack_does_not_matter(shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relucid.analyzer.stats.covariance.STACK_VALUES", 8)
    z = np.random.default_rng(0).standard_normal(shape) + 5
    for each in (z, np.ascontiguousarray(z.transpose(0, 2, 1)).transpose(0, 2, 1)):
        check(CoMoment.of(Block(each)), np.maximum(z, 0))


def test_given_activations_are_used_unchanged() -> None:
    z = np.random.default_rng(0).standard_normal((6, 2, 3))
    check(CoMoment.of(Block(z, h=np.tanh(z))), np.tanh(z))


def test_a_large_offset_costs_no_digits() -> None:
    x = np.random.default_rng(0).standard_normal((4000, 1, 3))
    blocks = [Block(part + 1e8) for part in np.array_split(x, 9)]
    state = merge_all(PreactivationCoMoment.of(block) for block in blocks)
    np.testing.assert_allclose(state.covariance, np.cov((x + 1e8 - 1e8)[:, 0].T, bias=True), atol=2e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("samples", [50, 300_001])
def test_constant_units_have_exactly_no_variance(dtype: type, samples: int) -> None:
    z = np.full((samples, 3, 2), 0.1, dtype=dtype)
    z[:, :, 1] = -5
    whole = CoMoment.of(Block(z))
    parts = merge_all(CoMoment.of(Block(part)) for part in np.array_split(z[:50], 7))
    first = CoMoment.of(Block(np.ascontiguousarray(z.transpose(0, 2, 1)).transpose(0, 2, 1)))
    for state in (whole, parts, first):
        assert state.m2.tolist() == [[0.0, 0.0], [0.0, 0.0]]
        assert state.mean.tolist() == [z[0, 0, 0], 0.0]


def test_different_sites_refuse_to_merge() -> None:
    with pytest.raises(StateError, match="units in both parts, got 3 and 2"):
        CoMoment.of(Block(np.ones((1, 1, 3)))).merge(CoMoment.of(Block(np.ones((1, 1, 2)))))


@settings(max_examples=30)
@given(
    st.integers(0, 2**31), st.sampled_from([3, 70]), st.integers(1, 3 * MAX_PENDING_MEANS), st.sampled_from([0.0, 1e6])
)
def test_sums_of_any_number_of_parts_are_those_of_all_rows(seed: int, units: int, parts: int, offset: float) -> None:
    random = np.random.default_rng(seed)
    rows = [random.normal(offset, 1 + place % 3, (random.integers(1, 5), units)) for place in range(parts)]
    summed = MomentSum()
    for part in rows:
        m2 = np.cov(part.T, bias=True).reshape(units, units) * len(part)
        summed.add(len(part), part.mean(axis=0), m2[np.tril_indices(units)])
    every = np.concatenate(rows)
    count, mean, m2 = summed.total()
    assert count == len(every)
    np.testing.assert_allclose(mean, every.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(m2, np.cov(every.T, bias=True) * len(every), rtol=1e-7, atol=1e-7 * len(every))


def test_a_returned_sum_does_not_change_when_more_is_added() -> None:
    summed, one = MomentSum(), np.ones(3)
    summed.add(2, np.zeros(2), one)
    before = CoMoment(*summed.total())
    summed.add(2, np.ones(2), one)
    assert before.m2.tolist() == [[1, 1], [1, 1]]
    assert one.tolist() == [1, 1, 1]
    assert summed.total()[2] == pytest.approx(np.full((2, 2), 3.0))
