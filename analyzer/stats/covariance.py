"""Co-moments gathered in place: rows are multiplied as many at once as pays, however few of them each run brings."""

from collections.abc import Callable, Iterator, Sequence
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError

Doubles = NDArray[np.float64]
Rows = NDArray[Any]
Product = Callable[[Doubles, Doubles], Doubles]

STACK = 2**18
"""Numbers that are centred and multiplied at once: they stay in a processor's cache."""
SIDE = 64
"""Units on a side of the blocks of which only those on and under the diagonal are computed."""
STRIP = 16
"""Rows that are turned at once: one line of the cache holds as many float32 numbers."""


def product(a: Doubles, b: Doubles) -> Doubles:
    """The product a b^T of (unit, row) and (other unit, row)."""
    return np.asarray(a @ b.T)


class CovarianceAccumulator:
    """Count, mean and co-moment sum of rows of units, to which more rows are added in place.

    Rows of several runs wait for each other until they are enough; then they are stacked as float64, about `STACK`
    numbers at once, centred on their own mean and multiplied. What Chan, Golub & LeVeque (1979) add where two means
    differ, delta delta^T n_a n_b / n, is the product of one more row, delta sqrt(n_a n_b / n), stacked with the others.

    Args:
        units: of every row.
        product: what multiplies, a b^T of float64 matrices (unit, row).

    >>> seen = CovarianceAccumulator(2)
    >>> seen.add(np.array([[[1.0, 0.0]], [[3.0, 4.0]]]))
    >>> [each.tolist() for each in seen.total()[1:]]
    [[2.0, 2.0], [[2.0, 4.0], [4.0, 8.0]]]
    """

    def __init__(self, units: int, *, product: Product = product) -> None:
        self.units = units
        self._product = product
        self._most = max(STACK // units, units // 2, 1)
        self._waiting: list[Rows] = []
        self._count = 0
        self._mean = np.zeros(units)
        self._m2 = np.zeros((units, units))
        self._given = False

    def add(self, values: Rows, *, rectify: bool = False) -> None:
        """Take in the rows of values, or of max(values, 0), (sample, position, unit).

        Raises:
            StateError: they have another number of units.
        """
        samples, positions, units = values.shape
        if units != self.units:
            raise StateError(f"co-moments of {self.units} and of {units} units cannot be merged; same site?")
        if 2 * samples * positions >= self._most:
            self._multiply([values], rectify=rectify)
            return
        self._waiting.append(_rectified(values) if rectify else values.copy(order="K"))
        if 2 * _count(self._waiting) >= self._most:
            self._multiply_waiting()

    def total(self) -> tuple[int, Doubles, Doubles]:
        """Count, mean (unit,) and co-moment sum (unit, unit) of all rows so far; more may be added."""
        self._multiply_waiting()
        mirror(self._m2)
        self._given = True
        return self._count, self._mean, self._m2

    def _multiply_waiting(self) -> None:
        if self._waiting:
            self._multiply(self._waiting, rectify=False)
            self._waiting = []

    def _multiply(self, values: Sequence[Rows], *, rectify: bool) -> None:
        """Add the products of rows, centred on the mean of those in one stack."""
        if self._given:  # what was handed out stays as it is, and is copied only where it would not
            self._m2, self._given = self._m2.copy(), False
        exact = all(rows.dtype != np.float64 for rows in values)
        for stack in _stacks(values, self._most, rectify=rectify):
            n = stack.shape[1] - 1
            count = self._count + n
            mean = _centre(stack[:, :n], exact=exact)
            delta = mean - self._mean
            stack[:, n] = delta * sqrt(self._count * n / count)
            for first in range(0, self.units, SIDE):
                last = first + SIDE
                self._m2[first:last, :last] += self._product(stack[first:last], stack[:last])
            self._mean = self._mean + delta * (n / count)
            self._count = count


def mirror(m2: Doubles) -> None:
    """Fill in what lies above the diagonal, in place.

    >>> mirror(m2 := np.array([[1.0, 0.0], [2.0, 3.0]]))
    >>> m2.tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    for first in range(0, len(m2), SIDE):
        last = first + SIDE
        square = m2[first:last, first:last]
        square[:] = np.tril(square) + np.tril(square, -1).T
        m2[:first, first:last] = m2[first:last, :first].T


def _count(values: Sequence[Rows]) -> int:
    return sum(rows.shape[0] * rows.shape[1] for rows in values)


def _stacks(values: Sequence[Rows], most: int, *, rectify: bool) -> Iterator[Doubles]:
    """The rows by unit (unit, row), at most so many at once and equally many, with room for one row behind them.

    What is given out is valid until the next is.
    """
    count = _count(values)
    size = ceil(count / ceil(count / most))
    stack, filled = np.empty((values[0].shape[2], size + 1)), 0
    for rows in values:
        start = 0
        while start < rows.shape[0] * rows.shape[1]:
            part = _part(rows, start, size - filled)
            _turn(_rectified(part) if rectify else part, stack[:, filled:])
            taken = part.shape[0] * part.shape[1]
            start, filled = start + taken, filled + taken
            if filled == size:
                yield stack
                filled = 0
    if filled:
        yield stack[:, : filled + 1]


def _part(rows: Rows, start: int, room: int) -> Rows:
    """As many (sample, position) from number `start` on as there is room for: whole samples, or some of one."""
    positions = rows.shape[1]
    sample, position = divmod(start, positions)
    if position or room < positions:
        return rows[sample : sample + 1, position : position + room]
    return rows[sample : sample + room // positions]


def _turn(rows: Rows, stack: Doubles) -> None:
    """Copy rows (sample, position, unit) to the beginning of a stack (unit, row)."""
    samples, positions, units = rows.shape
    step = STRIP if positions == 1 else samples
    for first in range(0, samples, step):
        strip = rows[first : first + step].transpose(2, 0, 1)
        place = stack[:, first * positions : (first + strip.shape[1]) * positions]
        np.copyto(place.reshape(units, -1, positions), strip)


def _rectified(z: Rows) -> Rows:
    """max(z, 0), in the memory order of z; the product takes half the time of numpy's maximum of z and a number."""
    return np.asarray(z * np.greater(z, 0).astype(z.dtype, order="K"))


def _centre(rows: Doubles, *, exact: bool) -> Doubles:
    """Take their mean from rows (unit, row), in place, and return it; of a constant unit it is that constant.

    Sums of equal float32 values are exact in float64; others are counted from the first value.
    """
    first = np.zeros(len(rows)) if exact else rows[:, 0].copy()
    if not exact:
        rows -= first[:, None]
    mean = rows.mean(axis=1)
    rows -= mean[:, None]
    return np.asarray(first + mean)
