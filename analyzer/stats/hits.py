"""Accuracy: how often the class with the largest score is the label."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Accuracy:
    """Number of samples that are classified correctly.

    Args:
        correct: samples whose largest score is that of their label.
        total: all samples.

    >>> Accuracy.of_scores(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    Accuracy(correct=1, total=2)
    """

    correct: int
    total: int

    @classmethod
    def of_scores(cls, scores: NDArray[Any], labels: NDArray[np.int64]) -> Self:
        """The accuracy of one batch.

        Args:
            scores: outputs (sample, class), extra axes of size 1 allowed.
            labels: class of each sample (sample,).
        """
        decided = scores.reshape(len(labels), -1).argmax(axis=1)
        return cls(int((decided == labels).sum()), len(labels))

    def merge(self, other: Self) -> Self:
        """The statistic of two disjoint parts of the data together."""
        return type(self)(self.correct + other.correct, self.total + other.total)
