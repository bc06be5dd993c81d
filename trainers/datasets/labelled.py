"""Labelled samples and their split into training and validation: the return type of every loader in this package."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...analyzer.errors import DataError


@dataclass(frozen=True, eq=False)
class Labelled:
    """Samples x (sample, ...) float32 with classes y (sample,) int64.

    Raises:
        DataError: x and y have different numbers of samples.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.y.shape != self.x.shape[:1]:
            raise DataError(
                f"expected one class per sample, got {self.x.shape[:1]} samples and {self.y.shape} classes; "
                "pass y of shape (sample,)"
            )

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False)
class Split:
    """A training and a validation set."""

    train: Labelled
    val: Labelled
