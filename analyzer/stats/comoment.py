"""Means and co-moments of a site's units: the covariance every correlation measure is read from."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError
from .block import Block
from .gathering import Gathering

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
        seen = Gathering(block.z.shape[2])
        cls.gather(block, seen)
        return cls(*seen.total())

    @classmethod
    def gather(cls, block: Block, seen: Gathering) -> None:
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
    def gather(cls, block: Block, seen: Gathering) -> None:
        """Add what one block shows of the pre-activations to what is being gathered."""
        seen.add(block.z)
