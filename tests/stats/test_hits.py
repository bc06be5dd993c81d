"""Accuracy against scikit-learn."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score

from relucid.analyzer.stats.hits import Accuracy


@given(st.integers(1, 40), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_accuracy_is_scikit_learns_and_parts_add_up(samples, classes, seed):
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


def test_axes_of_size_one_do_not_matter():
    assert Accuracy.of_scores(np.array([[[[0.1]], [[0.9]]]]), np.array([1])) == Accuracy(1, 1)
