"""A block, the pre-activations of one site for some samples, and the statistics of its single values."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError

Floats = NDArray[Any]
Bools = NDArray[np.bool_]

EXACT_IN_FLOAT32 = 2**24
"""Largest count that a sum of float32 ones holds exactly."""
NONE = -1
"""`Nonfinite.first` if all values are finite."""


@dataclass(frozen=True, eq=False)
class Block:
    """Pre-activations of one site, with a cache of values that several statistics share.

    Any strides are allowed: a channels-first tap is a transposed view and never copied.

    Args:
        z: pre-activations (sample, position, unit), float32 or float64, all finite, no axis empty.
        h: activations of the same shape; None means plain ReLU, h = max(z, 0).
        index: number of each sample in the data (sample,); 0, 1, 2 ... if None.
        labels: class of each sample (sample,), or None.

    `shared` caches values that depend on options, such as pattern keys with their seed.

    >>> block = Block(np.array([[[1.0, -2.0]], [[3.0, -4.0]]]))
    >>> block.high.tolist(), block.low.tolist()
    ([[1.0, -2.0], [3.0, -4.0]], [[1.0, -2.0], [3.0, -4.0]])
    """

    z: Floats
    h: Floats | None = None
    index: NDArray[np.int64] = field(default=None)  # type: ignore[arg-type]
    labels: NDArray[np.int64] | None = None
    shared: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.index is None:
            object.__setattr__(self, "index", np.arange(self.z.shape[0], dtype=np.int64))

    @cached_property
    def high(self) -> Floats:
        """Largest z of each unit in each sample, over positions (sample, unit)."""
        return self.z[:, 0] if self.z.shape[1] == 1 else np.asarray(self.z.max(axis=1))

    @cached_property
    def low(self) -> Floats:
        """Smallest z of each unit in each sample, over positions (sample, unit)."""
        return self.z[:, 0] if self.z.shape[1] == 1 else np.asarray(self.z.min(axis=1))

    @cached_property
    def top(self) -> Floats:
        """Largest z of each sample, over positions and units (sample,)."""
        return np.asarray(self.high.max(axis=1))

    @cached_property
    def bottom(self) -> Floats:
        """Smallest z of each sample, over positions and units (sample,)."""
        return np.asarray(self.low.min(axis=1))

    @cached_property
    def active(self) -> NDArray[np.float32]:
        """1 where z > 0, strictly, else 0 (sample, position, unit), in the memory order of z."""
        return np.greater(self.z, 0).astype(np.float32, order="K")


@dataclass(frozen=True, eq=False)
class UnitRanges:
    """Range and activity of every unit, from which Jumpstart's definition 1 and constraints (3), (4) follow.

    Args:
        count: number of pre-activations of each unit: samples times positions.
        samples: number of samples.
        low: smallest z of each unit (unit,).
        high: largest z of each unit (unit,).
        active: how often z > 0, strictly, in each unit (unit,), int64.

    >>> ranges = UnitRanges.of(Block(np.array([[[1.0, -2.0]], [[3.0, 0.0]]])))
    >>> ranges.low.tolist(), ranges.high.tolist(), ranges.active.tolist(), ranges.count
    ([1.0, -2.0], [3.0, 0.0], [2, 0], 2)
    """

    count: int
    samples: int
    low: NDArray[Any]
    high: NDArray[Any]
    active: NDArray[np.int64]

    @classmethod
    def of(cls, block: Block) -> Self:
        """The statistic of one block."""
        samples, positions, _ = block.z.shape
        count = samples * positions
        exact = np.float32 if count <= EXACT_IN_FLOAT32 else np.float64
        active = block.active.sum(axis=(0, 1), dtype=exact).astype(np.int64)
        return cls(count, samples, block.low.min(axis=0), block.high.max(axis=0), active)

    def merge(self, other: Self) -> Self:
        """The statistic of two disjoint parts of the data together.

        Raises:
            StateError: the two are of sites with different numbers of units.
        """
        check_units("unit ranges", self.low.size, other.low.size)
        return type(self)(
            self.count + other.count,
            self.samples + other.samples,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.active + other.active,
        )


@dataclass(frozen=True)
class Nonfinite:
    """Counts of NaN and infinite values, and the first sample with one; only here may a block contain them.

    Args:
        values: number of z that are NaN or infinite.
        samples: number of samples with at least one.
        first: smallest sample number with one; `NONE` (-1) if there is none.

    >>> Nonfinite.of(Block(np.array([[[1.0, np.nan]], [[0.0, 2.0]]]), index=np.array([7, 8])))
    Nonfinite(values=1, samples=1, first=7)
    """

    values: int
    samples: int
    first: int

    @classmethod
    def of(cls, block: Block) -> Self:
        """The statistic of one block."""
        nonfinite = ~finite_samples(block)
        if not nonfinite.any():
            return cls(0, 0, NONE)
        values = int((~np.isfinite(block.z[nonfinite])).sum())
        return cls(values, int(nonfinite.sum()), int(block.index[nonfinite].min()))

    def merge(self, other: Self) -> Self:
        """The statistic of two disjoint parts of the data together."""
        first = min((one.first for one in (self, other) if one.first != NONE), default=NONE)
        return type(self)(self.values + other.values, self.samples + other.samples, first)


def finite_samples(block: Block) -> Bools:
    """Which samples have only finite pre-activations (sample,), found from the extremes: NaN and inf propagate to them.

    >>> finite_samples(Block(np.array([[[1.0, np.nan]], [[0.0, 2.0]], [[-np.inf, 0.0]]]))).tolist()
    [False, True, False]
    """
    return np.isfinite(block.top) & np.isfinite(block.bottom)


def check_units(statistic: str, a: int, b: int) -> None:
    """Check that two parts of a statistic have the same number of units.

    Raises:
        StateError: they differ.
    """
    if a != b:
        raise StateError(
            f"{statistic}: expected the same number of units in both parts, got {a} and {b}; pass one site"
        )
