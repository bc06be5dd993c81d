"""Merge many parts in a balanced tree, so that large parts are copied only O(log parts) times."""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import numpy as np

from ..errors import StateError

S = TypeVar("S")
"""A frozen dataclass with `merge`, as every statistic is."""


class MergeTree(Generic[S]):
    """A balanced tree of parts: a part is merged with the next once that has at least half its bytes.

    Growing tables are merged with tables of similar size, and O(log parts) of them are kept; states of constant size,
    such as unit ranges, are merged immediately, and one is kept. Merging is associative, so the total is the same.

    >>> from .points import Points
    >>> from .block import Block
    >>> tree = MergeTree()
    >>> for start in range(0, 6, 2):
    ...     tree.add(Points.of(Block(np.ones((2, 1, 1)), index=np.arange(start, start + 2))))
    >>> tree.total().listed_linear.tolist()
    [0, 1, 2, 3, 4, 5]
    """

    def __init__(self) -> None:
        self._parts: list[Any] = []

    def add(self, part: S) -> None:
        """Add one part."""
        self._parts.append(part)
        while len(self._parts) > 1 and 2 * count_bytes(self._parts[-1]) >= count_bytes(self._parts[-2]):
            last = self._parts.pop()
            self._parts[-1] = self._parts[-1].merge(last)

    def total(self) -> S:
        """The merge of all parts so far; more may be added. It replaces the parts, so that no table is in memory twice.

        Raises:
            StateError: no part was added.
        """
        if not self._parts:
            raise StateError("expected at least one part to merge, got none; add the parts first")
        while len(self._parts) > 1:
            self._parts[-2:] = [self._parts[-2].merge(self._parts[-1])]
        total: S = self._parts[0]
        return total


def merge_all(parts: Iterable[S]) -> S:
    """Merge all parts as a tree, in their order.

    Raises:
        StateError: there are no parts.
    """
    tree: MergeTree[S] = MergeTree()
    for part in parts:
        tree.add(part)
    return tree.total()


def count_bytes(part: Any) -> int:
    """Bytes of the arrays of a state, plus one for its scalars."""
    return 1 + sum(value.nbytes for value in vars(part).values() if isinstance(value, np.ndarray))
