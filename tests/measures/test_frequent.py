"""Jaccard similarity of frequent patterns: Python sets, and estimates against the exact value."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.errors import StateError
from relucid.analyzer.measures.change import frequent_jaccard, jaccard, overlap
from relucid.analyzer.stats import Patterns, merge_all
from relucid.analyzer.stats.keys import mix64, random_words
from relucid.analyzer.values.estimate import Estimate

VALUES = st.lists(st.integers(0, 5), max_size=60)


def state_of(values: np.ndarray | list[int], *, capacity: int = 2**20, seed: int = 0) -> Patterns:
    keys = mix64(np.asarray(values, dtype=np.uint64) + random_words(seed, 1))
    return merge_all(Patterns.of_keys(part, units=64, capacity=capacity, seed=seed) for part in np.array_split(keys, 5))


@given(VALUES, VALUES, st.integers(0, 12))
def test_it_is_that_of_the_sets_of_what_occurs_more_often(before: list[int], after: list[int], above: int) -> None:
    a, b = ({key for key, times in Counter(values).items() if times > above} for values in (before, after))
    expected = len(a & b) / len(a | b) if a | b else 1
    assert frequent_jaccard(state_of(before), state_of(after), above=above) == expected


@given(VALUES, VALUES)
def test_above_zero_it_is_the_plain_one(before: list[int], after: list[int]) -> None:
    a, b = state_of(before), state_of(after)
    assert frequent_jaccard(a, b, above=0) == jaccard(overlap(a, b))


def test_estimates_lie_within_three_of_their_errors_for_19_of_20_seeds() -> None:
    random = np.random.default_rng(0)
    before = np.repeat(np.arange(3000), random.integers(1, 40, 3000))
    after = np.repeat(np.arange(1000, 4000), random.integers(1, 40, 3000))
    before, after = random.permutation(before), random.permutation(after)
    exact = frequent_jaccard(state_of(before), state_of(after))
    hits = 0
    for seed in range(20):
        found = frequent_jaccard(*(state_of(values, capacity=500, seed=seed) for values in (before, after)))
        assert isinstance(found, Estimate)
        hits += abs(found.value - float(exact)) <= 3 * found.error
    assert hits >= 19


def test_keys_that_mean_different_things_are_not_compared() -> None:
    with pytest.raises(StateError, match="another seed"):
        frequent_jaccard(state_of([1]), state_of([1], seed=1))
