"""Means and co-moments of a site's units: the covariance every correlation measure is read from."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError
from .block import Block
from .covariance import SIDE, CovarianceAccumulator, mirror

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CoMoment:
    """Count, mean and co-moment sum of the activations h of all units, over samples and positions.

    Merged as Chan, Golub & LeVeque (1979) merge variances, which stays exact to rounding where sums of squares cancel:
    with delta = mean_b - mean_a,

        mean = mean_a + delta n_b / n,      m2 = m2_a + m2_b + delta delta^T n_a n_b / n.

    Args:
        count: number of (sample, position) pairs seen.
        mean: mean of each unit (unit,), float64.
        m2: sum over pairs of (h - mean)(h - mean)^T (unit, unit), float64.

    >>> seen = CoMoment.of(Block(np.array([[[1.0, -2.0]], [[3.0, 4.0]]])))
    >>> seen.mean.tolist(), seen.m2.tolist()
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
        """What one block shows of the activations."""
        seen = CovarianceAccumulator(block.z.shape[2])
        cls.gather(block, seen)
        return cls(*seen.total())

    @classmethod
    def gather(cls, block: Block, seen: CovarianceAccumulator) -> None:
        """Add what one block shows of the activations to what is being gathered."""
        if block.h is None:
            seen.add(block.z, rectify=True)
        else:
            seen.add(block.h)

    def merge(self, other: Self) -> Self:
        """What two disjoint parts of the data show together.

        Raises:
            StateError: the two are of sites with different numbers of units.
        """
        if self.mean.size != other.mean.size:
            sizes = f"{self.mean.size} and of {other.mean.size} units"
            raise StateError(f"co-moments of {sizes} cannot be merged; same site?")
        count = self.count + other.count
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.count / count)
        m2 = np.multiply.outer(delta * (self.count * other.count / count), delta)
        m2 += self.m2
        m2 += other.m2
        return type(self)(count, mean, m2)


@dataclass(frozen=True, eq=False)
class PreactivationCoMoment(CoMoment):
    """The same of the pre-activations z; a type of its own, since measures name the statistics they need by type.

    >>> PreactivationCoMoment.of(Block(np.array([[[1.0, -2.0]], [[3.0, 4.0]]]))).mean.tolist()
    [2.0, 1.0]
    """

    @classmethod
    def gather(cls, block: Block, seen: CovarianceAccumulator) -> None:
        """Add what one block shows of the pre-activations to what is being gathered."""
        seen.add(block.z)


RUNS = 64
"""Runs whose means are kept until they are added."""


class MomentSum:
    """Count, mean and co-moment sum of parts, each given by its own.

    Chan, Golub & LeVeque (1979) for many parts: with the mean of all parts, m2 = sum of their m2 + sum of n delta
    delta^T, where delta is how far a part's mean lies off. The second sum is one product for `RUNS` parts, so a part
    costs one addition of its m2 in place. Of that, only what lies on and under the diagonal is given and kept, row
    after row: m2[i, j] with j <= i stands at i (i + 1) / 2 + j.

    >>> whole = MomentSum()
    >>> whole.add(1, np.array([1.0, 0.0]), np.array([0.0, 0.0, 0.0]))
    >>> whole.add(3, np.array([5.0, 0.0]), np.array([2.0, 1.0, 4.0]))
    >>> [np.asarray(each).tolist() for each in whole.total()]
    [4, [4.0, 0.0], [[14.0, 1.0], [1.0, 4.0]]]
    """

    def __init__(self) -> None:
        self._counts: list[int] = []
        self._means: list[Doubles] = []
        self._m2: Doubles = np.zeros(0)

    def add(self, count: int, mean: Doubles, m2: Doubles) -> None:
        """Take in one part: its count, mean (unit,) and co-moment sum about that mean (unit (unit + 1) / 2,)."""
        if self._counts:
            self._m2 += m2
        else:
            self._m2 = m2.copy()
        self._counts.append(count)
        self._means.append(mean)
        if len(self._counts) > RUNS:
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
        """A row of the co-moment sum up to the diagonal, in place."""
        start = unit * (unit + 1) // 2
        return self._m2[start : start + unit + 1]

    def _fold(self) -> None:
        n, count = np.array(self._counts), sum(self._counts)
        offsets = np.stack(self._means) - self._means[0]
        shift = n @ offsets / count
        delta = (offsets - shift) * np.sqrt(n)[:, None]
        for first in range(0, delta.shape[1], SIDE):
            products = delta[:, first : first + SIDE].T @ delta[:, : first + SIDE]
            for place, row in enumerate(products):
                self._row(first + place)[:] += row[: first + place + 1]
        self._counts, self._means = [count], [self._means[0] + shift]
