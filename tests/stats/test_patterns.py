"""Pattern counts against an exact Counter: the sample is exact, the frequent patterns are within their bounds.

The sorted tables of counts too.
"""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.errors import OptionError, StateError
from relucid.analyzer.stats import Block, Patterns, merge_all
from relucid.analyzer.stats.keys import mix64
from relucid.analyzer.stats.patterns import add_tables, heaviest, lookup, size_under, tally

STREAMS = st.lists(st.integers(0, 40), min_size=1, max_size=200)
CAPACITIES = st.integers(1, 30)


def keys_of(values: list[int]) -> np.ndarray:
    """Uniformly distributed keys for small numbers, as patterns have."""
    return mix64(np.array(values, dtype=np.uint64) + np.uint64(1))


def parts_of(values: list[int], cuts: list[int], capacity: int) -> list[Patterns]:
    edges = sorted({0, len(values), *(cut % (len(values) + 1) for cut in cuts)})
    return [Patterns.of_keys(keys_of(values[a:b]), units=9, capacity=capacity) for a, b in pairwise(edges)]


def merged_at_random(parts: list[Patterns], random: np.random.Generator) -> Patterns:
    """Merge pairs chosen at random, in either order, until one is left."""
    parts = list(parts)
    while len(parts) > 1:
        a = parts.pop(random.integers(len(parts)))
        b = parts.pop(random.integers(len(parts)))
        parts.append(a.merge(b))
    return parts[0]


@given(STREAMS, st.lists(st.integers(0, 200), max_size=12), CAPACITIES, st.integers(0, 2**31))
def test_the_sample_is_that_of_the_whole_data_and_exact(
    values: list[int], cuts: list[int], capacity: int, seed: int
) -> None:
    state = merged_at_random(parts_of(values, cuts, capacity), np.random.default_rng(seed))
    truth = Counter(keys_of(values).tolist())
    level = next(k for k in range(65) if sum(key < 2 ** (64 - k) for key in truth) <= capacity)
    assert state.total == len(values)
    assert state.level == level
    sampled = {key: count for key, count in sorted(truth.items()) if key < 2 ** (64 - level)}
    assert dict(zip(state.keys.tolist(), state.counts.tolist(), strict=True)) == sampled
    assert state.keys.tolist() == sorted(sampled)


@given(STREAMS, st.lists(st.integers(0, 200), max_size=12), CAPACITIES, st.integers(0, 2**31))
def test_true_counts_lie_within_the_bounds(values: list[int], cuts: list[int], capacity: int, seed: int) -> None:
    state = merged_at_random(parts_of(values, cuts, capacity), np.random.default_rng(seed))
    truth = Counter(keys_of(values).tolist())
    keys = np.array(sorted(truth), dtype=np.uint64)
    exact = np.array([truth[key] for key in keys.tolist()])
    for counts, missed in (state.bounds(keys), state.frequent_bounds(keys)):
        assert (counts <= exact).all()
        assert (exact <= counts + missed).all()
    sampled = np.isin(keys, state.keys)
    assert (state.bounds(keys)[0][sampled] == exact[sampled]).all()
    assert (state.bounds(keys)[1][sampled] == 0).all()
    untracked = ~np.isin(keys, state.frequent_keys)
    assert state.level == 0 or (exact[untracked] <= state.floor).all()
    assert state.frequent_keys.size <= capacity // 4
    assert state.frequent_keys.tolist() == sorted(state.frequent_keys.tolist())


def test_within_capacity_everything_is_exact() -> None:
    state = Patterns.of_keys(keys_of([1, 2, 2, 3]), units=9, capacity=3)
    assert (state.level, state.floor, state.frequent_keys.size, sorted(state.counts.tolist())) == (0, 0, 0, [1, 1, 2])


def test_a_pattern_that_is_frequent_from_the_start_has_its_exact_count() -> None:
    random = np.random.default_rng(3)
    often = np.repeat(np.arange(5), 400)
    rare = np.arange(1000, 6000)
    values = np.concatenate([often, rare])
    random.shuffle(values)
    parts = [Patterns.of_keys(keys_of(part.tolist()), units=9, capacity=200) for part in np.array_split(values, 40)]
    state = merge_all(parts)
    assert state.level > 0
    counts, missed = state.frequent_bounds(np.sort(keys_of(list(range(5)))))
    assert counts.tolist() == [400] * 5
    assert missed.tolist() == [0] * 5


def test_past_the_capacity_a_quarter_of_it_is_kept_of_the_largest_counts() -> None:
    values = np.repeat(np.arange(1, 101), np.arange(1, 101)).tolist()
    state = Patterns.of_keys(keys_of(values), units=9, capacity=40)
    assert state.level > 0
    assert sorted(state.frequent_counts.tolist()) == list(range(91, 101))
    assert state.frequent_missed.tolist() == [0] * 10
    assert state.floor == 90


def test_of_counts_what_numpy_counts() -> None:
    z = np.random.default_rng(1).standard_normal((30, 7, 4))
    state = Patterns.of(Block(z))
    _, counts = np.unique((z > 0).reshape(-1, 4), axis=0, return_counts=True)
    assert state.total == 210
    assert sorted(state.counts.tolist()) == sorted(counts.tolist())


@pytest.mark.parametrize(("name", "value"), [("units", 8), ("seed", 1), ("capacity", 5)])
def test_states_with_different_options_do_not_merge(name: str, value: int) -> None:
    options = {"units": 9, "seed": 0, "capacity": 4}
    one = Patterns.of_keys(keys_of([1]), **options)
    other = Patterns.of_keys(keys_of([1]), **{**options, name: value})
    with pytest.raises(StateError, match=rf"{name} {options[name]} and {value}"):
        one.merge(other)


def test_a_capacity_of_nothing_is_refused() -> None:
    with pytest.raises(OptionError, match="at least 1"):
        Patterns.of(Block(np.ones((1, 1, 1))), capacity=0)


WORDS = st.lists(st.one_of(st.integers(0, 20), st.integers(2**64 - 20, 2**64 - 1)), max_size=60)


def words(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.uint64)


def as_dict(table: tuple[np.ndarray, np.ndarray]) -> dict[int, int]:
    assert (np.sort(table[0]) == table[0]).all()
    return dict(zip(table[0].tolist(), table[1].tolist(), strict=True))


@given(WORDS, WORDS)
def test_tally_add_and_lookup_are_those_of_a_counter(a: list[int], b: list[int]) -> None:
    assert as_dict(tally(words(a))) == Counter(a)
    both = add_tables(tally(words(a)), tally(words(b)))
    assert as_dict(both) == Counter(a) + Counter(b)
    keys = sorted({*a, 7, 2**64 - 3})
    assert lookup(both, words(keys), absent=-1).tolist() == [(Counter(a) + Counter(b)).get(key, -1) for key in keys]


@given(st.lists(st.integers(1, 6), max_size=30), st.integers(0, 30))
def test_heaviest_keeps_no_part_of_a_tie(counts: list[int], most: int) -> None:
    kept = heaviest(np.array(counts, dtype=np.int64), most).tolist()
    largest_first = sorted(counts, reverse=True)
    bar = largest_first[most] if most < len(counts) else 0
    assert kept == [count > bar for count in counts]
    assert sum(kept) <= most


POWERS = st.lists(st.builds(lambda k, step: max(0, 2**k + step), st.integers(0, 63), st.integers(-1, 0)), max_size=20)


@given(POWERS)
def test_size_under_counts_the_keys_below_the_threshold(a: list[int]) -> None:
    for level in range(65):
        assert size_under(words(sorted(a)), level) == sum(key < 2 ** (64 - level) for key in a)


@given(WORDS, WORDS, st.integers(1, 7))
def test_tables_are_added_in_any_number_of_chunks(a: list[int], b: list[int], chunk: int) -> None:
    one, other = tally(words(a)), tally(words(b))
    columns = np.stack([other[1], 3 * other[1]], axis=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("relucid.analyzer.stats.patterns.CHUNK_KEYS", chunk)
        assert as_dict(add_tables(one, other)) == Counter(a) + Counter(b)
        keys, counts = add_tables((one[0], np.stack([one[1], 3 * one[1]], axis=1)), (other[0], columns))
    assert as_dict((keys, counts[:, 0])) == Counter(a) + Counter(b)
    assert (counts[:, 1] == 3 * counts[:, 0]).all()
