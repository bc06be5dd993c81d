"""Co-moments of many runs, summed in place: what lies between their means is added for many of them at once."""

import numpy as np
from numpy.typing import NDArray

from .gathering import SIDE, mirror

Doubles = NDArray[np.float64]

RUNS = 64
"""Runs whose means are kept until they are added."""


class MomentSum:
    """Count, mean and co-moment sum of parts, each given by its own.

    Chan, Golub & LeVeque (1979) for many parts: with the mean of all parts, m2 = sum of their m2 + sum of n delta
    delta^T, where delta is how far a part's mean lies off. The second sum is one product for `RUNS` parts, so a part
    costs one addition of its m2 in place, and of that only the half that tells.

    >>> whole = MomentSum()
    >>> whole.add(1, np.array([1.0]), np.array([[0.0]]))
    >>> whole.add(3, np.array([5.0]), np.array([[2.0]]))
    >>> [np.asarray(each).tolist() for each in whole.total()]
    [4, [4.0], [[14.0]]]
    """

    def __init__(self) -> None:
        self._counts: list[int] = []
        self._means: list[Doubles] = []
        self._m2: Doubles = np.zeros((0, 0))

    def add(self, count: int, mean: Doubles, m2: Doubles) -> None:
        """Take in one part: its count, mean (unit,) and co-moment sum about that mean (unit, unit).

        Of that sum only what lies on and under the diagonal is read.
        """
        if self._counts:
            for first in range(0, len(m2), SIDE):
                last = first + SIDE
                self._m2[first:last, :last] += m2[first:last, :last]
        else:
            self._m2 = m2.copy()
        self._counts.append(count)
        self._means.append(mean)
        if len(self._counts) > RUNS:
            self._fold()

    def total(self) -> tuple[int, Doubles, Doubles]:
        """Count, mean (unit,) and co-moment sum (unit, unit) of all parts so far; more may be added."""
        self._fold()
        m2 = self._m2.copy()
        mirror(m2)
        return self._counts[0], self._means[0], m2

    def _fold(self) -> None:
        n, count = np.array(self._counts), sum(self._counts)
        offsets = np.stack(self._means) - self._means[0]
        shift = n @ offsets / count
        delta = (offsets - shift) * np.sqrt(n)[:, None]
        for first in range(0, len(self._m2), SIDE):
            last = first + SIDE
            self._m2[first:last, :last] += delta[:, first:last].T @ delta[:, :last]
        self._counts, self._means = [count], [self._means[0] + shift]
