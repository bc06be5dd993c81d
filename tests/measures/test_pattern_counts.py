"""Pattern measures: exact ones against scipy and scikit-learn, estimates against the exact values they estimate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy
from sklearn.metrics import mutual_info_score

from relucid.analyzer.measures import pattern_counts as measure
from relucid.analyzer.stats import Block, LabelledPatterns, Patterns, merge_all
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


def block_of(samples: int, units: int) -> Block:
    random = np.random.default_rng(3)
    labels = random.integers(0, 4, samples)
    z = random.standard_normal((samples, 3, units)) + np.eye(4, units)[labels][:, None] * 2
    return Block(z, labels=labels)


def information_of(block: Block) -> dict[str, float]:
    patterns = [row.tobytes().hex() for row in (block.z > 0).reshape(-1, block.z.shape[2])]
    classes = np.repeat(block.labels, block.z.shape[1])
    pairs = [f"{name} {label}" for name, label in zip(patterns, classes, strict=True)]
    H_L, H_AL = (scipy_entropy(np.unique(each, return_counts=True)[1], base=2) for each in (classes, pairs))
    return {
        "label_entropy": H_L,
        "joint_entropy": H_AL,
        "conditional_entropy": H_AL - H_L,
        "mutual_information": mutual_info_score(patterns, classes) / np.log(2),
    }


def test_exact_information_equals_scikit_learn() -> None:
    block = block_of(300, 5)
    values = measure.information(Patterns.of(block), LabelledPatterns.of(block))
    assert values == {name: pytest.approx(value) for name, value in information_of(block).items()}


def test_past_the_capacity_information_is_estimated_within_three_errors() -> None:
    block = block_of(4000, 16)
    parts = [
        Block(z, labels=labels)
        for z, labels in zip(*(np.array_split(x, 10) for x in (block.z, block.labels)), strict=True)
    ]
    values = measure.information(
        merge_all(Patterns.of(part, capacity=1000) for part in parts),
        merge_all(LabelledPatterns.of(part, capacity=1000) for part in parts),
    )
    exact = information_of(block)
    assert values.pop("label_entropy") == pytest.approx(exact["label_entropy"])
    for name, value in values.items():
        assert isinstance(value, Estimate)
        assert abs(value.value - exact[name]) <= 3 * value.error


def test_labels_of_one_class_have_no_information() -> None:
    block = Block(np.random.default_rng(0).standard_normal((50, 1, 3)), labels=np.zeros(50, dtype=np.int64))
    values = measure.information(Patterns.of(block), LabelledPatterns.of(block))
    assert values["label_entropy"] == values["mutual_information"] == 0
    assert (
        values["joint_entropy"]
        == values["conditional_entropy"]
        == pytest.approx(information_of(block)["joint_entropy"])
    )
