"""The merge tree: the same total as a plain fold, few parts kept, growing tables merged with tables of their size."""

from dataclasses import dataclass

import numpy as np
import pytest

from relucid.analyzer.errors import StateError
from relucid.analyzer.stats import MergeTree, merge_all


@dataclass(frozen=True, eq=False)
class Union:
    """A set of numbers that counts how much is copied while merging."""

    numbers: np.ndarray
    copied: int

    def merge(self, other: "Union") -> "Union":
        numbers = np.union1d(self.numbers, other.numbers)
        return Union(numbers, self.copied + other.copied + numbers.size)


def parts(count: int, distinct: int) -> list[Union]:
    return [Union(np.arange(10 * n, 10 * n + 10) % distinct, 0) for n in range(count)]


@pytest.mark.parametrize("distinct", [10, 300, 10**9])
@pytest.mark.parametrize("count", [1, 2, 3, 64, 100])
def test_total_is_that_of_a_fold(count: int, distinct: int) -> None:
    expected = np.unique(np.concatenate([part.numbers for part in parts(count, distinct)]))
    assert np.array_equal(merge_all(parts(count, distinct)).numbers, expected)


def test_growing_tables_are_copied_logarithmically_often() -> None:
    assert merge_all(parts(256, 10**9)).copied <= 2560 * 9


def test_of_states_with_constant_size_one_is_kept() -> None:
    tree: MergeTree[Union] = MergeTree()
    for part in parts(50, 10):
        tree.add(part)
        assert len(tree._parts) == 1


def test_a_total_may_be_taken_before_the_end() -> None:
    tree: MergeTree[Union] = MergeTree()
    for n, part in enumerate(parts(20, 10**9), start=1):
        tree.add(part)
        assert tree.total().numbers.size == 10 * n


def test_no_parts_is_refused() -> None:
    with pytest.raises(StateError, match="at least one"):
        merge_all([])
