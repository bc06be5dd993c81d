"""Means and co-moments of a site's units: the covariance every correlation measure is read from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError
from .block import Block

Doubles = NDArray[np.float64]

CHUNK_BYTES = 3 * 2**20


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
        if block.h is None:
            return cls._of_chunks(np.maximum(chunk, 0) for chunk in _chunks(block.z))
        return cls._of_chunks(_chunks(block.h))

    @classmethod
    def _of_chunks(cls, chunks: Iterable[NDArray[Any]]) -> Self:
        parts = [_centred(chunk) for chunk in chunks]
        if len(parts) == 1:
            return cls(*parts[0])
        n, means, squares = zip(*parts, strict=True)
        count, offsets = sum(n), np.stack(means) - means[0]
        shift = n @ offsets / count
        # Chan's merge of all chunks at once: what each lacks is the square of how far its own mean lies off.
        delta = (offsets - shift) * np.sqrt(n)[:, None]
        return cls(count, means[0] + shift, sum(squares, start=delta.T @ delta))

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
    def of(cls, block: Block) -> Self:
        """What one block shows of the pre-activations."""
        return cls._of_chunks(_chunks(block.z))


def _chunks(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Pieces (sample, position, unit) small enough for the processor's cache, yet no smaller than their products."""
    samples, positions, units = values.shape
    rows = max(CHUNK_BYTES // (8 * units), 2 * units)
    if positions <= rows:
        step = rows // positions
        for first in range(0, samples, step):
            yield values[first : first + step]
    else:
        for sample in range(samples):
            for first in range(0, positions, rows):
                yield values[sample : sample + 1, first : first + rows]


def _centred(chunk: NDArray[Any]) -> tuple[int, Doubles, Doubles]:
    """Count, mean (unit,) and co-moment sum (unit, unit) of one chunk, gathered in its order in memory."""
    samples, positions, units = chunk.shape
    count = samples * positions
    if positions > 1 and chunk.strides[1] < chunk.strides[2]:
        by_unit = chunk.transpose(2, 0, 1).astype(np.float64, order="C").reshape(units, count)
        mean = _mean(by_unit.T, exact=chunk.dtype != np.float64)
        by_unit -= mean[:, None]
        return count, mean, by_unit @ by_unit.T
    by_row = chunk.astype(np.float64, order="C").reshape(count, units)
    mean = _mean(by_row, exact=chunk.dtype != np.float64)
    by_row -= mean
    return count, mean, by_row.T @ by_row


def _mean(rows: Doubles, *, exact: bool) -> Doubles:
    """Mean of each unit (unit,) of rows (row, unit), which for a constant unit is that constant, to the last bit.

    Sums of equal float32 values are exact in float64; others are counted from the first value.
    """
    return np.asarray(rows.mean(axis=0) if exact else rows[0] + (rows - rows[0]).mean(axis=0))
