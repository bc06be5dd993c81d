"""Sorted tables of counts against collections.Counter."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.stats.tables import add_tables, heaviest, lookup, size_under, tally

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
        patch.setattr("relucid.analyzer.stats.tables.CHUNK_KEYS", chunk)
        assert as_dict(add_tables(one, other)) == Counter(a) + Counter(b)
        keys, counts = add_tables((one[0], np.stack([one[1], 3 * one[1]], axis=1)), (other[0], columns))
    assert as_dict((keys, counts[:, 0])) == Counter(a) + Counter(b)
    assert (counts[:, 1] == 3 * counts[:, 0]).all()
