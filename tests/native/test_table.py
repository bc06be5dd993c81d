"""The native pattern table against `Patterns`, its slow twin, and against a Counter."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.analyzer.errors import OptionError
from relucid.analyzer.native import PatternTable
from relucid.analyzer.stats import Patterns
from relucid.analyzer.stats.keys import mix64


def keys_of(values: np.ndarray) -> np.ndarray:
    """Evenly scattered keys for numbers, as patterns have."""
    return mix64(np.asarray(values).astype(np.uint64) + np.uint64(1))


def counted(keys: np.ndarray, capacity: int, cuts: list[int]) -> Patterns:
    table = PatternTable(capacity)
    for part in np.split(keys, sorted(cut % (keys.size + 1) for cut in cuts)):
        table.add(part)
    return table.patterns(units=9, seed=4)


def check(state: Patterns, keys: np.ndarray, capacity: int) -> None:
    """The sample is that of the slow twin; the frequent patterns keep the promises that stand in `Patterns`."""
    twin = Patterns.of_keys(keys, units=9, seed=4, capacity=capacity)
    for name in ("units", "seed", "capacity", "total", "level"):
        assert getattr(state, name) == getattr(twin, name), name
    np.testing.assert_array_equal(state.keys, twin.keys)
    np.testing.assert_array_equal(state.counts, twin.counts)
    assert (state.keys.dtype, state.counts.dtype) == (twin.keys.dtype, twin.counts.dtype)
    truth = Counter(keys.tolist())
    distinct = np.array(sorted(truth), dtype=np.uint64)
    exact = np.array([truth[key] for key in distinct.tolist()], dtype=np.int64)
    for counts, missed in (state.bounds(distinct), state.tracked(distinct)):
        assert (counts <= exact).all()
        assert (exact <= counts + missed).all()
    assert (exact[~np.isin(distinct, state.frequent_keys)] <= state.floor).all() or state.level == 0
    assert state.frequent_keys.size <= capacity // 4
    assert (np.diff(state.frequent_keys.astype(object)) > 0).all()
    assert set(state.frequent_keys.tolist()) <= set(truth)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.integers(0, 60), max_size=300),
    st.lists(st.integers(0, 300), max_size=6),
    st.integers(1, 70),
)
def test_any_stream_and_capacity(values: list[int], cuts: list[int], capacity: int) -> None:
    keys = keys_of(np.array(values, dtype=np.uint64))
    check(counted(keys, capacity, cuts), keys, capacity)


@pytest.mark.parametrize("capacity", [1, 50, 4000, 2**20])
@pytest.mark.parametrize("kind", ["distinct", "zipf", "few", "late"])
def test_long_streams(kind: str, capacity: int) -> None:
    random = np.random.default_rng(1)
    values = {
        "distinct": lambda: random.permutation(60_000),
        "zipf": lambda: random.zipf(1.3, size=60_000) % 2**40,
        "few": lambda: random.integers(0, 30, size=60_000),
        "late": lambda: np.concatenate([np.arange(20_000), np.repeat(7, 5_000), random.integers(0, 10**9, 20_000)]),
    }[kind]()
    keys = keys_of(values)
    check(counted(keys, capacity, [100, 101, 30_000]), keys, capacity)


def test_what_is_frequent_is_known_to_be() -> None:
    """Among patterns that occur once, one in ten occurrences is of the same twenty."""
    random = np.random.default_rng(2)
    values = np.arange(200_000)
    values[random.choice(200_000, 20_000, replace=False)] = 10**9 + np.arange(20_000) % 20
    keys = keys_of(values)
    state = counted(keys, 10_000, [])
    often = keys_of(10**9 + np.arange(20))
    assert np.isin(often, state.frequent_keys).all()
    count, missed = state.tracked(np.sort(often))
    assert (count > 900).all()
    assert (missed < 100).all()


@pytest.mark.parametrize("capacity", [32, 70, 300])
def test_of_what_is_dropped_at_first_the_most_is_remembered(capacity: int) -> None:
    for first in range(0, 10_000, 500):
        values = np.repeat(np.arange(first, first + capacity + 1), [*range(1, capacity + 1), 1])
        keys = keys_of(values)
        check(counted(keys, capacity, []), keys, capacity)


def test_of_equal_counts_none_is_chosen_by_its_key() -> None:
    state = counted(keys_of(np.repeat(np.arange(610), 3)), 600, [])
    assert state.level == 1
    assert state.frequent_keys.size == 0


def test_it_goes_on_after_it_was_read() -> None:
    keys = keys_of(np.random.default_rng(3).integers(0, 5000, size=40_000))
    table = PatternTable(1000)
    for part in np.split(keys, [10_000, 10_001, 25_000]):
        table.add(part)
        table.patterns(units=9, seed=4)
    check(table.patterns(units=9, seed=4), keys, 1000)


def test_what_it_says_merges_with_what_numpy_says() -> None:
    keys = keys_of(np.random.default_rng(5).integers(0, 3000, size=20_000))
    native, portable = counted(keys[:9000], 500, []), Patterns.of_keys(keys[9000:], units=9, seed=4, capacity=500)
    for state in (native.merge(portable), portable.merge(native)):
        check(state, keys, 500)


@pytest.mark.parametrize("keys", [[0], [2**64 - 1], [0, 2**64 - 1, 0], [2**63] * 3, list(range(3000))])
def test_keys_that_are_not_scattered_are_counted_all_the_same(keys: list[int]) -> None:
    keys = np.array(keys, dtype=np.uint64)
    for capacity in (1, 2, 100):
        check(counted(keys, capacity, []), keys, capacity)


def test_a_capacity_below_one_is_refused() -> None:
    with pytest.raises(OptionError, match="at least 1"):
        PatternTable(0)
