"""Pairs of pattern and class against a Counter of pairs; accuracy against scikit-learn."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score

from relucid.analyzer.errors import DataError
from relucid.analyzer.stats import Block, LabelledPatterns
from relucid.analyzer.stats.labelled import Accuracy


@given(
    st.lists(st.tuples(st.integers(0, 7), st.sampled_from([-3, 0, 2**40])), min_size=1, max_size=40), st.integers(0, 40)
)
def test_pairs_and_classes_are_counted_as_a_counter_counts_them(rows: list[tuple[int, int]], cut: int) -> None:
    z = np.array([[[(number >> bit) & 1 for bit in range(3)]] * 2 for number, _ in rows]) - 0.5
    labels = np.array([label for _, label in rows])
    cut = cut % len(rows)
    state = LabelledPatterns.of(Block(z[cut:], labels=labels[cut:]))
    if cut:
        state = LabelledPatterns.of(Block(z[:cut], labels=labels[:cut])).merge(state)
    assert sorted(state.counts.tolist()) == sorted(2 * count for count in Counter(rows).values())
    classes = Counter(labels.tolist())
    assert state.classes.tolist() == sorted(classes)
    assert state.class_counts.tolist() == [2 * classes[each] for each in sorted(classes)]


def test_missing_labels_are_refused() -> None:
    with pytest.raises(DataError, match="expected labels"):
        LabelledPatterns.of(Block(np.ones((1, 1, 1))))


@given(st.integers(1, 40), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_accuracy_is_scikit_learns_and_parts_add_up(samples: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(size=(samples, classes)), rng.integers(0, classes, samples)
    whole = Accuracy.of_scores(scores, labels)
    assert whole.correct / whole.total == accuracy_score(labels, scores.argmax(axis=1))
    cut = int(rng.integers(1, samples)) if samples > 1 else 1
    parts = [
        Accuracy.of_scores(scores[part], labels[part]) for part in (slice(cut), slice(cut, None)) if len(labels[part])
    ]
    merged = parts[0] if len(parts) == 1 else parts[1].merge(parts[0])
    assert merged == whole


def test_axes_of_size_one_do_not_matter() -> None:
    assert Accuracy.of_scores(np.array([[[[0.1]], [[0.9]]]]), np.array([1])) == Accuracy(1, 1)
