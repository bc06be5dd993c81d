"""Pattern measures: exact ones against scipy, estimates against the exact values they estimate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy

from relucid.analyzer.measures import pattern_counts as measure
from relucid.analyzer.stats import Patterns, merge_all
from relucid.analyzer.stats.keys import mix64, random_words
from relucid.analyzer.values.estimate import Estimate

COUNTS = st.lists(st.integers(1, 50), min_size=1, max_size=30)


def state_of(
    values: np.ndarray, *, capacity: int = 2**20, seed: int = 0, blocks: int = 1, units: int = 512
) -> Patterns:
    """The state of a stream of numbered patterns, cut into blocks."""
    salt = random_words(seed, 1)
    parts = np.array_split(values.astype(np.uint64), blocks)
    return merge_all(Patterns.of_keys(mix64(part + salt), units=units, capacity=capacity, seed=seed) for part in parts)


@given(COUNTS, st.integers(1, 40))
def test_exact_values_are_those_of_the_definitions(counts: list[int], units: int) -> None:
    c = state_of(np.repeat(np.arange(len(counts)), counts), units=units)
    N = sum(counts)
    assert measure.total(c) == len(counts)
    assert measure.max_frequency(c) == max(counts) / N
    H = scipy_entropy(counts, base=2)
    assert measure.entropy(c) == pytest.approx(H, abs=1e-12)
    expected = H / min(units, np.log2(N)) if N > 1 else 0
    assert measure.relative_entropy(c) == pytest.approx(expected, abs=1e-12)
    assert not any(isinstance(value, Estimate) for value in measure.patterns(c).values())


def heavy_tailed(order: str) -> np.ndarray:
    """Half Zipf, half patterns that occur once; in random order, or so that each pattern comes all at once."""
    random = np.random.default_rng(5)
    values = np.concatenate([random.zipf(1.3, 25_000) % 10**9, 10**9 + np.arange(25_000)])
    return np.sort(values) if order == "sorted" else random.permutation(values)


@pytest.mark.parametrize("order", ["random", "sorted"])
def test_estimates_lie_within_three_of_their_errors_for_19_of_20_seeds(order: str) -> None:
    values = heavy_tailed(order)
    exact = measure.patterns(state_of(values))
    hits = dict.fromkeys(exact, 0)
    for seed in range(20):
        c = state_of(values, capacity=1000, seed=seed, blocks=50)
        assert c.level >= 3
        for name, value in measure.patterns(c).items():
            if isinstance(value, Estimate):
                hits[name] += abs(value.value - exact[name]) <= 3 * value.error
                assert value.error < 0.1 * exact[name], f"{name} says next to nothing"
            else:
                hits[name] += value == exact[name]
    assert min(hits.values()) >= 19, hits


def test_errors_are_neither_too_small_nor_too_large() -> None:
    values = heavy_tailed("random")
    exact = measure.patterns(state_of(values))
    states = [state_of(values, capacity=1000, seed=seed, blocks=50) for seed in range(100, 140)]
    for name, formula in (("patterns", measure.total), ("entropy", measure.entropy)):
        estimates = [formula(c) for c in states]
        scores = [(one.value - exact[name]) / one.error for one in estimates]
        assert 0.4 < np.sqrt(np.mean(np.square(scores))) < 1.5, name


def test_all_patterns_different_is_estimated_without_a_sample_of_anything_else() -> None:
    c = state_of(np.arange(20_000), capacity=100, blocks=20)
    H = measure.entropy(c)
    assert abs(H.value - np.log2(20_000)) <= 3 * H.error
    assert 0 < H.error < 0.1
    assert measure.max_frequency(c).value * 20_000 >= 1


@pytest.mark.parametrize("capacity", [1, 2, 5])
def test_a_tiny_capacity_still_gives_finite_honest_numbers(capacity: int) -> None:
    values = heavy_tailed("random")[:3000]
    exact = measure.patterns(state_of(values))
    for name, value in measure.patterns(state_of(values, capacity=capacity, blocks=10)).items():
        error = value.error if isinstance(value, Estimate) else 0
        assert abs(float(value) - exact[name]) <= 6 * error, name
