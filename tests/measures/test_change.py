"""Two states compared: exact values against Python sets and counters, estimates against the exact values."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.errors import StateError
from relucid.analyzer.measures import changes
from relucid.analyzer.measures.change import frequent_jaccard, jaccard, overlap, weighted_jaccard
from relucid.analyzer.stats import Patterns, merge_all
from relucid.analyzer.stats.keys import mix64, random_words
from relucid.analyzer.values.estimate import Estimate

VALUES = st.lists(st.integers(0, 15), max_size=40)
FEW_VALUES = st.lists(st.integers(0, 5), max_size=60)


def state_of(values: np.ndarray | list[int], *, capacity: int = 2**20, seed: int = 0, blocks: int = 1) -> Patterns:
    parts = np.array_split(np.asarray(values, dtype=np.uint64), blocks)
    salt = random_words(seed, 1)
    return merge_all(Patterns.of_keys(mix64(part + salt), units=64, capacity=capacity, seed=seed) for part in parts)


@given(VALUES, VALUES)
def test_exact_values_are_those_of_sets_and_counters(before: list[int], after: list[int]) -> None:
    a, b = Counter(before), Counter(after)
    union, common = set(a) | set(b), set(a) & set(b)
    jaccard = len(common) / len(union) if union else 1
    growth = (len(b) - len(a)) / len(b) if b else (-np.inf if a else 0)
    maxima = sum((a | b).values())
    assert changes(state_of(before), state_of(after)) == {
        "added": len(set(b) - set(a)),
        "removed": len(set(a) - set(b)),
        "net_change": pytest.approx(growth),
        "symmetric_difference": pytest.approx(1 - jaccard),
        "jaccard": pytest.approx(jaccard),
        "weighted_jaccard": pytest.approx(sum((a & b).values()) / maxima if maxima else 1),
    }


@pytest.mark.parametrize("capacities", [(1000, 1000), (1000, 2**20), (4000, 500)])
def test_estimates_lie_within_three_of_their_errors_for_19_of_20_seeds(capacities: tuple[int, int]) -> None:
    random = np.random.default_rng(2)
    before = np.concatenate([random.zipf(1.3, 20_000) % 10**9, 10**9 + np.arange(10_000)])
    after = np.concatenate([random.zipf(1.3, 20_000) % 10**9, 10**9 + np.arange(4_000, 14_000)])
    before, after = random.permutation(before), random.permutation(after)
    exact = changes(state_of(before), state_of(after))
    hits = dict.fromkeys(exact, 0)
    for seed in range(20):
        states = [
            state_of(values, capacity=capacity, seed=seed, blocks=30)
            for values, capacity in zip((before, after), capacities, strict=True)
        ]
        for name, value in changes(*states).items():
            assert isinstance(value, Estimate)
            hits[name] += abs(value.value - exact[name]) <= 3 * value.error
    assert min(hits.values()) >= 19, hits


def test_a_state_equals_itself_also_past_its_capacity() -> None:
    c = state_of(np.random.default_rng(0).zipf(1.3, 20_000) % 10**9, capacity=200, blocks=10)
    values = changes(c, c)
    assert values["jaccard"].value == 1
    assert values["added"].value == values["removed"].value == values["net_change"].value == 0
    assert values["weighted_jaccard"].value == pytest.approx(1)


@given(FEW_VALUES, FEW_VALUES, st.integers(0, 12))
def test_frequent_jaccard_is_that_of_the_sets_of_what_occurs_more_often(
    before: list[int], after: list[int], above: int
) -> None:
    a, b = ({key for key, times in Counter(values).items() if times > above} for values in (before, after))
    expected = len(a & b) / len(a | b) if a | b else 1
    assert frequent_jaccard(state_of(before, blocks=5), state_of(after, blocks=5), above=above) == expected


@given(FEW_VALUES, FEW_VALUES)
def test_frequent_jaccard_above_zero_is_the_plain_one(before: list[int], after: list[int]) -> None:
    a, b = state_of(before, blocks=5), state_of(after, blocks=5)
    assert frequent_jaccard(a, b, above=0) == jaccard(overlap(a, b))


def test_frequent_jaccard_is_within_three_of_its_errors_for_19_of_20_seeds() -> None:
    random = np.random.default_rng(0)
    before = np.repeat(np.arange(3000), random.integers(1, 40, 3000))
    after = np.repeat(np.arange(1000, 4000), random.integers(1, 40, 3000))
    before, after = random.permutation(before), random.permutation(after)
    exact = frequent_jaccard(state_of(before, blocks=5), state_of(after, blocks=5))
    hits = 0
    for seed in range(20):
        found = frequent_jaccard(*(state_of(values, capacity=500, seed=seed, blocks=5) for values in (before, after)))
        assert isinstance(found, Estimate)
        hits += abs(found.value - float(exact)) <= 3 * found.error
    assert hits >= 19


@pytest.mark.parametrize("compare", [changes, weighted_jaccard, frequent_jaccard])
def test_keys_that_mean_different_things_are_not_compared(compare: object) -> None:
    with pytest.raises(StateError, match="seed 0 and 1"):
        compare(state_of([1]), state_of([1], seed=1))
