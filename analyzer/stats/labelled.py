"""How often each activation pattern occurs together with each class of the samples."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .block import Block
from .keys import mix64, pattern_keys
from .patterns import CAPACITY, Patterns
from .tables import add


@dataclass(frozen=True, eq=False)
class LabelledPatterns(Patterns):
    """Counts of pairs (pattern, class), and of classes; every position of a sample has the sample's class.

    A `Patterns` table over pairs: the key of a pair mixes the pattern's key with the class, so two given pairs share a
    key with probability 2^-64, and what is true of patterns there is true of pairs here.

    Args:
        classes: classes seen, sorted, int64.
        class_counts: pairs of each class, counted by (sample, position), int64.

    >>> block = Block(np.array([[[1.0]], [[2.0]], [[-1.0]]]), labels=np.array([5, 6, 6]))
    >>> seen = LabelledPatterns.of(block)
    >>> seen.counts.tolist(), seen.classes.tolist(), seen.class_counts.tolist()
    ([1, 1, 1], [5, 6], [1, 2])
    """

    classes: NDArray[np.int64]
    class_counts: NDArray[np.int64]

    @classmethod
    def of(cls, block: Block, *, capacity: int = CAPACITY, seed: int = 0) -> Self:
        """What one block shows.

        Raises:
            DataError: the block has no labels.
            OptionError: the capacity is below 1.
        """
        if block.labels is None:
            raise DataError("label information wants one integer class per sample, got no labels; give the labels")
        positions = block.z.shape[1]
        labels = block.labels.astype(np.int64)
        classes, samples = np.unique(labels, return_counts=True)
        keys = mix64(pattern_keys(block, seed=seed) + np.repeat(mix64(labels.view(np.uint64)), positions))
        return cls.of_keys(
            keys,
            units=block.z.shape[2],
            capacity=capacity,
            seed=seed,
            classes=classes,
            class_counts=samples.astype(np.int64) * positions,
        )

    def merge(self, other: Self) -> Self:
        """What two disjoint parts of the data show together.

        Raises:
            StateError: the two differ in units, seed or capacity.
        """
        classes, counts = add(
            (self.classes.view(np.uint64), self.class_counts), (other.classes.view(np.uint64), other.class_counts)
        )
        order = np.argsort(classes.view(np.int64))
        return replace(super().merge(other), classes=classes.view(np.int64)[order], class_counts=counts[order])
