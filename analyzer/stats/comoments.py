"""Means and co-moments of a site's units: the covariance matrix that all correlation measures use."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .block import Block, check_units
from .covariance import TILE_UNITS, CovarianceAccumulator, mirror

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CoMoment:
    """Count, mean and co-moment sum of the activations h of all units, over samples and positions.

    Merged as Chan, Golub & LeVeque (1979) merge variances, which stays exact to rounding where sums of squares cancel:
    with delta = mean_b - mean_a,

        mean = mean_a + delta n_b / n,      m2 = m2_a + m2_b + delta delta^T n_a n_b / n.

    Args:
        count: number of (sample, position) pairs.
        mean: mean of each unit (unit,), float64.
        m2: sum over pairs of (h - mean)(h - mean)^T (unit, unit), float64.

    >>> moments = CoMoment.of(Block(np.array([[[1.0, -2.0]], [[3.0, 4.0]]])))
    >>> moments.mean.tolist(), moments.m2.tolist()
    ([2.0, 2.0], [[2.0, 4.0], [4.0, 8.0]])
    """

    count: int
    mean: Doubles
    m2: Doubles

    @property
    def covariance(self) -> Doubles:
        """C = m2 / count (unit, unit): the expectation of V (3.3), not the unbiased estimate."""
        return self.m2 / self.count

    @classmethod
    def of(cls, block: Block) -> Self:
        """The statistic of the activations of one block."""
        accumulator = CovarianceAccumulator(block.z.shape[2])
        cls.accumulate(block, accumulator)
        return cls(*accumulator.total())

    @classmethod
    def accumulate(cls, block: Block, accumulator: CovarianceAccumulator) -> None:
        """Add the activations of one block to an accumulator."""
        if block.h is None:
            accumulator.add(block.z, rectify=True)
        else:
            accumulator.add(block.h)

    def merge(self, other: Self) -> Self:
        """The statistic of two disjoint parts of the data together.

        Raises:
            StateError: the two are of sites with different numbers of units.
        """
        check_units("co-moments", self.mean.size, other.mean.size)
        count = self.count + other.count
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.count / count)
        m2 = np.multiply.outer(delta * (self.count * other.count / count), delta)
        m2 += self.m2
        m2 += other.m2
        return type(self)(count, mean, m2)


@dataclass(frozen=True, eq=False)
class PreactivationCoMoment(CoMoment):
    """The co-moments of the pre-activations z; a separate type, since measures request statistics by type.

    >>> PreactivationCoMoment.of(Block(np.array([[[1.0, -2.0]], [[3.0, 4.0]]]))).mean.tolist()
    [2.0, 1.0]
    """

    @classmethod
    def accumulate(cls, block: Block, accumulator: CovarianceAccumulator) -> None:
        """Add the pre-activations of one block to an accumulator."""
        accumulator.add(block.z)


MAX_PENDING_MEANS = 64
"""Number of parts whose means are collected and then added in one product."""


class MomentSum:
    """Count, mean and co-moment sum of many parts, from those of each part.

    Chan, Golub & LeVeque (1979) for many parts: m2 = sum of their m2 + sum of n delta delta^T, where delta is the
    difference of a part's mean and the mean of all parts. The second sum is one product for `MAX_PENDING_MEANS` parts,
    so a part costs one addition of its m2 in place. Only the lower triangle of m2 is passed and stored, in rows:
    m2[i, j] with j <= i has index i (i + 1) / 2 + j.

    >>> moments = MomentSum()
    >>> moments.add(1, np.array([1.0, 0.0]), np.array([0.0, 0.0, 0.0]))
    >>> moments.add(3, np.array([5.0, 0.0]), np.array([2.0, 1.0, 4.0]))
    >>> [np.asarray(each).tolist() for each in moments.total()]
    [4, [4.0, 0.0], [[14.0, 1.0], [1.0, 4.0]]]
    """

    def __init__(self) -> None:
        self._counts: list[int] = []
        self._means: list[Doubles] = []
        self._m2: Doubles = np.zeros(0)

    def add(self, count: int, mean: Doubles, m2: Doubles) -> None:
        """Add one part: its count, mean (unit,) and co-moment sum about that mean (unit (unit + 1) / 2,)."""
        if self._counts:
            self._m2 += m2
        else:
            self._m2 = m2.copy()
        self._counts.append(count)
        self._means.append(mean)
        if len(self._counts) > MAX_PENDING_MEANS:
            self._fold()

    def total(self) -> tuple[int, Doubles, Doubles]:
        """Count, mean (unit,) and co-moment sum (unit, unit) of all parts so far; more may be added."""
        self._fold()
        units = self._means[0].size
        m2 = np.zeros((units, units))
        for unit in range(units):
            m2[unit, : unit + 1] = self._row(unit)
        mirror(m2)
        return self._counts[0], self._means[0], m2

    def _row(self, unit: int) -> Doubles:
        """A view of a row of the co-moment sum up to the diagonal."""
        start = unit * (unit + 1) // 2
        return self._m2[start : start + unit + 1]

    def _fold(self) -> None:
        n, count = np.array(self._counts), sum(self._counts)
        offsets = np.stack(self._means) - self._means[0]
        shift = n @ offsets / count
        delta = (offsets - shift) * np.sqrt(n)[:, None]
        for first in range(0, delta.shape[1], TILE_UNITS):
            products = delta[:, first : first + TILE_UNITS].T @ delta[:, : first + TILE_UNITS]
            for unit, row in enumerate(products, start=first):
                self._row(unit)[:] += row[: unit + 1]
        self._counts, self._means = [count], [self._means[0] + shift]
