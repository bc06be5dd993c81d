"""Pairs of pattern and class against a Counter of pairs."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.errors import DataError
from relucid.analyzer.stats import Block, LabelledPatterns


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
