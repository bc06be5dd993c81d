"""Pairs counted by `PatternTable` against `LabelledPatterns`, for any cut of the data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.analyzer.native import PatternTable, table, unavailable_reason
from relucid.analyzer.stats import LabelledPatterns, merge_all
from relucid.analyzer.stats.keys import mix64

pytestmark = pytest.mark.skipif(unavailable_reason() is not None, reason=f"no native code: {unavailable_reason()}")


@pytest.mark.parametrize("capacity", [1, 7, 10_000])
@settings(max_examples=40)
@given(seed=st.integers(0, 2**31), positions=st.integers(1, 5), rows=st.sampled_from([1, 3, 2**14]))
def test_a_table_counts_what_the_statistic_counts(capacity: int, seed: int, positions: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    known = mix64(random.integers(0, 2**63, 12, dtype=np.uint64))
    keys = random.choice(known, (40, positions))
    labels = random.choice([-(2**62), -1, 0, 3], 40)
    counted = PatternTable(capacity)
    before = table.PAIRS_AT_ONCE
    try:
        table.PAIRS_AT_ONCE = rows
        for part in np.split(np.arange(40), np.sort(random.integers(0, 41, 3))):
            counted.add_pairs(keys[part], labels[part])
            if random.random() < 0.3:
                counted.pairs(units=5, seed=2)  # looked at in between
    finally:
        table.PAIRS_AT_ONCE = before
    found, expected = (
        counted.pairs(units=5, seed=2),
        LabelledPatterns.of_pairs(keys, labels, units=5, capacity=capacity, seed=2),
    )
    for name in ("units", "seed", "capacity", "total", "level"):
        assert getattr(found, name) == getattr(expected, name), name
    for name in ("keys", "counts", "classes", "class_counts"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name


def test_runs_of_different_lengths_are_counted_together() -> None:
    keys = [mix64(np.arange(length * 2, dtype=np.uint64).reshape(2, length)) for length in (3, 3, 1, 4, 3)]
    counted, labels = PatternTable(100), np.array([4, 7])
    parts = [LabelledPatterns.of_pairs(each, labels, units=5) for each in keys]
    for each in keys:
        counted.add_pairs(each, labels)
    found, expected = counted.pairs(units=5, seed=0), merge_all(parts)
    assert found.total == expected.total == 28
    assert found.class_counts.tolist() == expected.class_counts.tolist() == [14, 14]
    assert found.keys.tolist() == expected.keys.tolist()
    assert found.counts.tolist() == expected.counts.tolist()


def test_an_empty_table_is_no_pair() -> None:
    found = PatternTable(10).pairs(units=3, seed=0)
    assert (found.total, found.keys.size, found.classes.size) == (0, 0, 0)
