"""Dead, linear and nonlinear points (samples) of a site and through a network: Jumpstart's definition 2."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError
from .block import Block, Bools

Numbers = NDArray[np.int64]

MAX_LISTED_POINTS = 10_000
"""Maximum number of listed sample numbers of each class of points."""


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


def keep_smallest(numbers: Numbers) -> Numbers:
    """The `MAX_LISTED_POINTS` smallest sample numbers, sorted; the same list for any split of the data."""
    return np.sort(numbers)[:MAX_LISTED_POINTS]


def merge_smallest(a: Numbers, b: Numbers) -> Numbers:
    """The `MAX_LISTED_POINTS` smallest of two such lists; lists that do not overlap are only concatenated.

    >>> merge_smallest(np.array([1, 4]), np.array([2])).tolist()
    [1, 2, 4]
    """
    if not (a.size and b.size):
        return a if a.size else b
    if a[0] > b[0]:
        a, b = b, a
    if a[-1] > b[0]:
        return keep_smallest(np.concatenate([a, b]))
    return a if a.size == MAX_LISTED_POINTS else np.concatenate([a, b[: MAX_LISTED_POINTS - a.size]])


@dataclass(frozen=True, eq=False)
class Points:
    """Counts of dead and linear points of one site, and the smallest sample numbers of each class.

    Args:
        samples: number of points.
        dead: how many of them are dead at this site.
        linear: how many of them are linear at this site.
        listed_dead: the `MAX_LISTED_POINTS` smallest sample numbers of dead points, sorted, int64.
        listed_linear: the same of linear points.
        listed_nonlinear: the same of nonlinear points.

    >>> points = Points.of(Block(np.array([[[-1.0, 0.0]], [[1.0, 2.0]], [[1.0, 0.0]]])))
    >>> points.samples, points.dead, points.linear, points.listed_nonlinear.tolist()
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
        """The statistic of one block."""
        return cls.of_classes(*classify(block), block.index)

    @classmethod
    def of_classes(cls, dead: Bools, linear: Bools, index: Numbers) -> Self:
        """The statistic of samples whose classes are known.

        Args:
            dead: whether each sample is a dead point (sample,).
            linear: whether each sample is a linear point (sample,).
            index: number of each sample in the data (sample,).
        """
        return cls(
            dead.size,
            int(np.count_nonzero(dead)),
            int(np.count_nonzero(linear)),
            keep_smallest(index[dead]),
            keep_smallest(index[linear]),
            keep_smallest(index[~(dead | linear)]),
        )

    def merge(self, other: Self) -> Self:
        """The statistic of two disjoint parts of the data together."""
        return type(self)(
            self.samples + other.samples,
            self.dead + other.dead,
            self.linear + other.linear,
            merge_smallest(self.listed_dead, other.listed_dead),
            merge_smallest(self.listed_linear, other.listed_linear),
            merge_smallest(self.listed_nonlinear, other.listed_nonlinear),
        )


@dataclass(frozen=True, eq=False)
class PointTraces:
    """The classes of points through all sites of a network, in the order of the data flow.

    Once dead, a point stays dead; a point that is linear at every site so far is linear so far; any other is nonlinear.

    Args:
        samples: number of points.
        first_dead: how many points are dead first at each site (site,), int64.
        linear_so_far: how many points are linear at each site and at all earlier ones (site,), int64.
        listed_points: the `MAX_LISTED_POINTS` smallest sample numbers of points dead at any site, sorted, int64.
        listed_sites: index of the first site at which each of them is dead, int64.

    >>> dead = np.array([[False, True], [False, False], [True, True]])
    >>> linear = np.array([[True, False], [True, True], [False, False]])
    >>> traces = PointTraces.of_classes(dead, linear, np.arange(3))
    >>> traces.first_dead.tolist(), traces.linear_so_far.tolist(), traces.dead_somewhere
    ([1, 1], [2, 1], 2)
    >>> traces.listed_points.tolist(), traces.listed_sites.tolist()
    ([0, 2], [1, 0])
    """

    samples: int
    first_dead: NDArray[np.int64]
    linear_so_far: NDArray[np.int64]
    listed_points: Numbers
    listed_sites: Numbers

    @property
    def dead_somewhere(self) -> int:
        """Number of points dead at any site (S, (7), from the first layer on: its 1 < k is read as 1 <= k)."""
        return int(self.first_dead.sum())

    @classmethod
    def of_classes(cls, dead: Bools, linear: Bools, index: Numbers) -> Self:
        """The traces of some samples, from their class at every site.

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
        return cls(dead.shape[0], first_dead, linear_so_far, *_keep_smallest_pairs(index[dies], where.astype(np.int64)))

    def merge(self, other: Self) -> Self:
        """The statistic of two disjoint parts of the data together.

        Raises:
            StateError: the two have different numbers of sites.
        """
        if self.first_dead.size != other.first_dead.size:
            sites = f"{self.first_dead.size} and {other.first_dead.size} sites"
            raise StateError(f"point traces: expected the same sites in both parts, got {sites}; choose the same sites")
        return type(self)(
            self.samples + other.samples,
            self.first_dead + other.first_dead,
            self.linear_so_far + other.linear_so_far,
            *_keep_smallest_pairs(
                np.concatenate([self.listed_points, other.listed_points]),
                np.concatenate([self.listed_sites, other.listed_sites]),
            ),
        )


def _keep_smallest_pairs(points: Numbers, sites: Numbers) -> tuple[Numbers, Numbers]:
    order = np.argsort(points, kind="stable")[:MAX_LISTED_POINTS]
    return points[order], sites[order]
