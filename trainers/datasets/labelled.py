"""What every loader here returns: samples with their classes, for training and for validation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...analyzer.errors import DataError


@dataclass(frozen=True, eq=False)
class Labelled:
    """Samples x (sample, ...) float32 with classes y (sample,) int64.

    Raises:
        DataError: as many classes as samples are needed.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.y.shape != self.x.shape[:1]:
            raise DataError(
                f"one class per sample is needed; got {self.x.shape[:1]} samples and {self.y.shape} classes"
            )

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False)
class Split:
    """Samples to train on and samples to judge by."""

    train: Labelled
    val: Labelled
