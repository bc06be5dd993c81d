"""Accumulate means and co-moments in place, multiplying rows in chunks of an efficient size."""

from collections.abc import Callable, Iterator, Sequence
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .block import check_units

Doubles = NDArray[np.float64]
Rows = NDArray[Any]
Product = Callable[[Doubles, Doubles], Doubles]

STACK_VALUES = 2**18
"""Number of values that are centred and multiplied at once; they fit in a processor's cache."""
TILE_UNITS = 64
"""Rows and columns of a tile of the co-moment matrix; only the tiles of the lower triangle are computed."""
STRIP_ROWS = 16
"""Number of rows that are transposed at once: the number of float32 values in a cache line."""


def product(a: Doubles, b: Doubles) -> Doubles:
    """The product a b^T of (unit, row) and (other unit, row)."""
    return np.asarray(a @ b.T)


class CovarianceAccumulator:
    """Count, mean and co-moment sum of rows of units, accumulated in place.

    Rows are collected until there are enough; then they are stacked as float64, about `STACK_VALUES` values at once,
    centred on their mean and multiplied. The term of Chan, Golub & LeVeque (1979) for two different means,
    delta delta^T n_a n_b / n, is the product of one more row, delta sqrt(n_a n_b / n), stacked with the others.

    Args:
        units: number of units in every row.
        product: function that returns a b^T of two float64 matrices (unit, row).

    >>> moments = CovarianceAccumulator(2)
    >>> moments.add(np.array([[[1.0, 0.0]], [[3.0, 4.0]]]))
    >>> [each.tolist() for each in moments.total()[1:]]
    [[2.0, 2.0], [[2.0, 4.0], [4.0, 8.0]]]
    """

    def __init__(self, units: int, *, product: Product = product) -> None:
        self.units = units
        self._product = product
        self._most = max(STACK_VALUES // units, units // 2, 1)
        self._pending: list[Rows] = []
        self._count = 0
        self._mean = np.zeros(units)
        self._m2 = np.zeros((units, units))
        self._returned = False

    def add(self, values: Rows, *, rectify: bool = False) -> None:
        """Add the rows of values, or of max(values, 0), (sample, position, unit).

        Raises:
            StateError: the number of units differs.
        """
        samples, positions, units = values.shape
        check_units("co-moments", self.units, units)
        if 2 * samples * positions >= self._most:
            self._multiply([values], rectify=rectify)
            return
        self._pending.append(_rectify(values) if rectify else values.copy(order="K"))
        if 2 * _count(self._pending) >= self._most:
            self._multiply_pending()

    def total(self) -> tuple[int, Doubles, Doubles]:
        """Count, mean (unit,) and co-moment sum (unit, unit) of all rows so far; more may be added."""
        self._multiply_pending()
        mirror(self._m2)
        self._returned = True
        return self._count, self._mean, self._m2

    def _multiply_pending(self) -> None:
        if self._pending:
            self._multiply(self._pending, rectify=False)
            self._pending = []

    def _multiply(self, values: Sequence[Rows], *, rectify: bool) -> None:
        """Add the products of rows, each stack centred on its mean."""
        if self._returned:  # a returned total must not change, so it is copied before the next addition
            self._m2, self._returned = self._m2.copy(), False
        exact = all(rows.dtype != np.float64 for rows in values)
        for stack in _stack_rows(values, self._most, rectify=rectify):
            n = stack.shape[1] - 1
            count = self._count + n
            mean = _centre(stack[:, :n], exact=exact)
            delta = mean - self._mean
            stack[:, n] = delta * sqrt(self._count * n / count)
            for first in range(0, self.units, TILE_UNITS):
                last = first + TILE_UNITS
                self._m2[first:last, :last] += self._product(stack[first:last], stack[:last])
            self._mean = self._mean + delta * (n / count)
            self._count = count


def mirror(m2: Doubles) -> None:
    """Copy the lower triangle to the upper one, in place.

    >>> mirror(m2 := np.array([[1.0, 0.0], [2.0, 3.0]]))
    >>> m2.tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    for first in range(0, len(m2), TILE_UNITS):
        last = first + TILE_UNITS
        square = m2[first:last, first:last]
        square[:] = np.tril(square) + np.tril(square, -1).T
        m2[:first, first:last] = m2[first:last, :first].T


def _count(values: Sequence[Rows]) -> int:
    return sum(rows.shape[0] * rows.shape[1] for rows in values)


def _stack_rows(values: Sequence[Rows], most: int, *, rectify: bool) -> Iterator[Doubles]:
    """Stacks (unit, row) of equally many rows, at most `most`, each with room for one more row at the end.

    A stack is valid until the next one is requested.
    """
    count = _count(values)
    size = ceil(count / ceil(count / most))
    stack, filled = np.empty((values[0].shape[2], size + 1)), 0
    for rows in values:
        start = 0
        while start < rows.shape[0] * rows.shape[1]:
            part = _take_rows(rows, start, size - filled)
            _transpose_into(_rectify(part) if rectify else part, stack[:, filled:])
            taken = part.shape[0] * part.shape[1]
            start, filled = start + taken, filled + taken
            if filled == size:
                yield stack
                filled = 0
    if filled:
        yield stack[:, : filled + 1]


def _take_rows(rows: Rows, start: int, room: int) -> Rows:
    """Up to `room` rows from row `start` on: whole samples, or positions of one sample."""
    positions = rows.shape[1]
    sample, position = divmod(start, positions)
    if position or room < positions:
        return rows[sample : sample + 1, position : position + room]
    return rows[sample : sample + room // positions]


def _transpose_into(rows: Rows, stack: Doubles) -> None:
    """Copy rows (sample, position, unit) to the beginning of a stack (unit, row), transposed."""
    samples, positions, units = rows.shape
    step = STRIP_ROWS if positions == 1 else samples
    for first in range(0, samples, step):
        strip = rows[first : first + step].transpose(2, 0, 1)
        target = stack[:, first * positions : (first + strip.shape[1]) * positions]
        np.copyto(target.reshape(units, -1, positions), strip)


def _rectify(z: Rows) -> Rows:
    """max(z, 0), in the memory order of z; the product takes half the time of numpy's maximum of z and a number."""
    return np.asarray(z * np.greater(z, 0).astype(z.dtype, order="K"))


def _centre(rows: Doubles, *, exact: bool) -> Doubles:
    """Subtract the mean of rows (unit, row) in place and return it; for a constant unit it is exactly that constant.

    Sums of equal float32 values are exact in float64 (`exact`); otherwise the first value is subtracted before the sum.
    """
    first = np.zeros(len(rows)) if exact else rows[:, 0].copy()
    if not exact:
        rows -= first[:, None]
    mean = rows.mean(axis=1)
    rows -= mean[:, None]
    return np.asarray(first + mean)
