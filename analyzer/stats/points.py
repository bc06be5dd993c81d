"""Which points (samples) a site kills, and which it leaves linear: Jumpstart's definition 2."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError
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


@dataclass(frozen=True, eq=False)
class PointTraces:
    """The classes of points followed through all sites of a network, in the order of the data flow.

    A point that died stays dead; one that was linear everywhere so far is linear so far; any other is nonlinear so far.

    Args:
        samples: number of points seen.
        first_dead: how many points die first at each site (site,), int64.
        linear_so_far: how many points are linear at each site and at all sites before it (site,), int64.
        listed_points: the `LISTED` smallest sample numbers that die anywhere, in order, int64.
        listed_sites: index of the site at which each of them dies first, int64.

    >>> dead = np.array([[False, True], [False, False], [True, True]])
    >>> linear = np.array([[True, False], [True, True], [False, False]])
    >>> fates = PointTraces.of_classes(dead, linear, np.arange(3))
    >>> fates.first_dead.tolist(), fates.linear_so_far.tolist(), fates.dead_somewhere
    ([1, 1], [2, 1], 2)
    >>> fates.listed_points.tolist(), fates.listed_sites.tolist()
    ([0, 2], [1, 0])
    """

    samples: int
    first_dead: NDArray[np.int64]
    linear_so_far: NDArray[np.int64]
    listed_points: Numbers
    listed_sites: Numbers

    @property
    def dead_somewhere(self) -> int:
        """Number of points that die at any site (S, (7), from the first layer on: its 1 < k is taken as 1 <= k)."""
        return int(self.first_dead.sum())

    @classmethod
    def of_classes(cls, dead: Bools, linear: Bools, index: Numbers) -> Self:
        """The fates of a few samples, from their class at every site.

        Args:
            dead: whether each point is dead at each site (sample, site).
            linear: whether each point is linear at each site (sample, site).
            index: number of each sample in the data (sample,).
        """
        dies = dead.any(axis=1)
        where = dead[dies].argmax(axis=1)
        first_dead = np.bincount(where, minlength=dead.shape[1]).astype(np.int64)
        so_far, linear_so_far = np.ones(len(linear), dtype=np.bool_), np.zeros_like(first_dead)
        for site, here in enumerate(linear.T):
            so_far &= here
            linear_so_far[site] = np.count_nonzero(so_far)
        return cls(dead.shape[0], first_dead, linear_so_far, *_listed(index[dies], where.astype(np.int64)))

    def merge(self, other: Self) -> Self:
        """What two disjoint parts of the data show together.

        Raises:
            StateError: the two followed their points through different numbers of sites.
        """
        if self.first_dead.size != other.first_dead.size:
            sites = f"{self.first_dead.size} and {other.first_dead.size} sites"
            raise StateError(f"fates of points through {sites} cannot be merged; were the same sites chosen?")
        return type(self)(
            self.samples + other.samples,
            self.first_dead + other.first_dead,
            self.linear_so_far + other.linear_so_far,
            *_listed(
                np.concatenate([self.listed_points, other.listed_points]),
                np.concatenate([self.listed_sites, other.listed_sites]),
            ),
        )


def _listed(points: Numbers, sites: Numbers) -> tuple[Numbers, Numbers]:
    order = np.argsort(points, kind="stable")[:LISTED]
    return points[order], sites[order]
