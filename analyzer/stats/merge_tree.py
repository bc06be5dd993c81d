"""Merging many parts without walking over the large ones again and again."""

from collections.abc import Iterable
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from ..errors import StateError


class Mergeable(Protocol):
    """A frozen dataclass with `merge`, as every statistic is."""

    def merge(self, other: Any) -> Self:
        """What two disjoint parts of the data show together."""
        ...


S = TypeVar("S", bound=Mergeable)


class MergeTree(Generic[S]):
    """Gathers parts in a balanced tree: a part is merged once those after it together weigh half as much.

    Tables that grow are thus merged with tables of their own size, and O(log parts) of them are held; states that keep
    their size, like extents, are simply folded, and one is held. Merging is associative, so nobody sees which.

    >>> from .points import Points
    >>> from .block import Block
    >>> tree = MergeTree()
    >>> for start in range(0, 6, 2):
    ...     tree.add(Points.of(Block(np.ones((2, 1, 1)), index=np.arange(start, start + 2))))
    >>> tree.total().listed_linear.tolist()
    [0, 1, 2, 3, 4, 5]
    """

    def __init__(self) -> None:
        self._parts: list[S] = []

    def add(self, part: S) -> None:
        """Take one more part in."""
        self._parts.append(part)
        while len(self._parts) > 1 and 2 * weight(self._parts[-1]) >= weight(self._parts[-2]):
            last = self._parts.pop()
            self._parts[-1] = self._parts[-1].merge(last)

    def total(self) -> S:
        """All parts merged; more may be added. The tree then holds no other part, lest tables stand in memory twice.

        Raises:
            StateError: no part was added.
        """
        if not self._parts:
            raise StateError("wanted at least one part to merge, got none; was there any data?")
        while len(self._parts) > 1:
            self._parts[-2:] = [self._parts[-2].merge(self._parts[-1])]
        return self._parts[0]


def merge_all(parts: Iterable[S]) -> S:
    """All parts merged as a tree, in the order given.

    Raises:
        StateError: there are no parts.
    """
    tree: MergeTree[S] = MergeTree()
    for part in parts:
        tree.add(part)
    return tree.total()


def weight(part: Any) -> int:
    """Bytes of the arrays a state holds, plus one for its scalars."""
    return 1 + sum(value.nbytes for value in vars(part).values() if isinstance(value, np.ndarray))
