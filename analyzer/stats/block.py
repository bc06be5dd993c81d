"""A block: the pre-activations of one site for some samples, with axes (sample, position, unit)."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError

Floats = NDArray[Any]


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


def check_units(statistic: str, a: int, b: int) -> None:
    """Check that two parts of a statistic have the same number of units.

    Raises:
        StateError: they differ.
    """
    if a != b:
        raise StateError(
            f"{statistic}: expected the same number of units in both parts, got {a} and {b}; pass one site"
        )
