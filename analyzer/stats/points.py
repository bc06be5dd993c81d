"""Which points (samples) a site kills, and which it leaves linear: Jumpstart's definition 2."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .block import Block

Bools = NDArray[np.bool_]
Numbers = NDArray[np.int64]

LISTED = 10_000


def classify(block: Block) -> tuple[Bools, Bools]:
    """Which samples are dead points and which are linear points of this site.

    Jumpstart, definition 2: a point is dead where h = 0 in all units, so max z <= 0 over units and positions; linear
    where h > 0 in all units, so min z > 0; nonlinear otherwise.

    Returns:
        (dead, linear), each (sample,).

    >>> dead, linear = classify(Block(np.array([[[-1.0, 0.0]], [[1.0, 2.0]], [[1.0, 0.0]]])))
    >>> dead.tolist(), linear.tolist()
    ([True, False, False], [False, True, False])
    """
    return block.top <= 0, block.bottom > 0


def smallest(numbers: Numbers) -> Numbers:
    """The `LISTED` smallest sample numbers, in order: a bounded list that does not depend on how the data was cut."""
    return np.sort(numbers)[:LISTED]


def smallest_of_both(a: Numbers, b: Numbers) -> Numbers:
    """The `LISTED` smallest of two such lists; nothing is sorted, or even copied, where one goes on after the other.

    >>> smallest_of_both(np.array([1, 4]), np.array([2])).tolist()
    [1, 2, 4]
    """
    if not (a.size and b.size):
        return a if a.size else b
    if a[0] > b[0]:
        a, b = b, a
    if a[-1] > b[0]:
        return smallest(np.concatenate([a, b]))
    return a if a.size == LISTED else np.concatenate([a, b[: LISTED - a.size]])


@dataclass(frozen=True, eq=False)
class Points:
    """Counts of dead and linear points of one site, and the smallest sample numbers of each class.

    Args:
        samples: number of points seen.
        dead: how many of them are dead here.
        linear: how many of them are linear here.
        listed_dead: the `LISTED` smallest sample numbers of dead points, in order, int64.
        listed_linear: the same of linear points.
        listed_nonlinear: the same of nonlinear points.

    >>> seen = Points.of(Block(np.array([[[-1.0, 0.0]], [[1.0, 2.0]], [[1.0, 0.0]]])))
    >>> seen.samples, seen.dead, seen.linear, seen.listed_nonlinear.tolist()
    (3, 1, 1, [2])
    """

    samples: int
    dead: int
    linear: int
    listed_dead: Numbers
    listed_linear: Numbers
    listed_nonlinear: Numbers

    @classmethod
    def of(cls, block: Block) -> Self:
        """What one block shows."""
        dead, linear = classify(block)
        return cls(
            dead.size,
            int(dead.sum()),
            int(linear.sum()),
            smallest(block.index[dead]),
            smallest(block.index[linear]),
            smallest(block.index[~(dead | linear)]),
        )

    def merge(self, other: Self) -> Self:
        """What two disjoint parts of the data show together."""
        return type(self)(
            self.samples + other.samples,
            self.dead + other.dead,
            self.linear + other.linear,
            smallest_of_both(self.listed_dead, other.listed_dead),
            smallest_of_both(self.listed_linear, other.listed_linear),
            smallest_of_both(self.listed_nonlinear, other.listed_nonlinear),
        )
