"""Statistics of labelled samples: how often each pattern occurs with each class, and accuracy."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .block import Block
from .keys import Keys, mix64, pattern_keys
from .patterns import CAPACITY, Patterns

Labels = NDArray[np.int64]
Classes = tuple[Labels, NDArray[np.int64]]
"""Classes, sorted, and how often each occurs."""


@dataclass(frozen=True, eq=False)
class LabelledPatterns(Patterns):
    """Counts of pairs (pattern, class), and of classes; every position of a sample has the sample's class.

    A `Patterns` table of pairs: the key of a pair mixes the pattern's key with the class, so two given pairs share one
    with probability 2^-64. Sampling, capacity and bounds are those of `Patterns`.

    Args:
        classes: distinct classes, sorted, int64.
        class_counts: pairs of each class, counted by (sample, position), int64.

    >>> block = Block(np.array([[[1.0]], [[2.0]], [[-1.0]]]), labels=np.array([5, 6, 6]))
    >>> pairs = LabelledPatterns.of(block)
    >>> pairs.counts.tolist(), pairs.classes.tolist(), pairs.class_counts.tolist()
    ([1, 1, 1], [5, 6], [1, 2])
    """

    classes: NDArray[np.int64]
    class_counts: NDArray[np.int64]

    @classmethod
    def of(cls, block: Block, *, capacity: int = CAPACITY, seed: int = 0) -> Self:
        """The statistic of one block.

        Raises:
            DataError: the block has no labels.
            OptionError: the capacity is below 1.
        """
        keys = pattern_keys(block, seed=seed).reshape(block.z.shape[:2])
        return cls.of_pairs(keys, require_labels(block.labels), units=block.z.shape[2], capacity=capacity, seed=seed)

    @classmethod
    def of_pairs(cls, keys: Keys, labels: Labels, *, units: int, capacity: int = CAPACITY, seed: int = 0) -> Self:
        """The statistic from the keys of the patterns (sample, position) and the classes (sample,).

        Raises:
            OptionError: the capacity is below 1.
        """
        classes, counts = count_classes(labels, positions=keys.shape[1])
        pairs = pair_keys(keys, labels)
        return cls.of_keys(pairs, units=units, capacity=capacity, seed=seed, classes=classes, class_counts=counts)

    @classmethod
    def of_counts(cls, pairs: Patterns, classes: Classes) -> Self:
        """The statistic from counts of the keys that `pair_keys` returns, and the counts of their classes."""
        return cls(**vars(pairs), classes=classes[0], class_counts=classes[1])

    def merge(self, other: Self) -> Self:
        """The statistic of two disjoint parts of the data together.

        Raises:
            StateError: the two differ in units, seed or capacity.
        """
        classes, counts = add_classes((self.classes, self.class_counts), (other.classes, other.class_counts))
        return replace(super().merge(other), classes=classes, class_counts=counts)


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


def require_labels(labels: Labels | None) -> Labels:
    """The labels as int64.

    Raises:
        DataError: there are none.
    """
    if labels is None:
        raise DataError("expected labels with one integer class per sample, got none; give the labels")
    return labels.astype(np.int64, copy=False)


def pair_keys(keys: Keys, labels: Labels) -> Keys:
    """Key of the pair of pattern and class at each sample and position (sample * position,), sample by sample.

    Args:
        keys: keys of the patterns as from `pattern_keys`, with shape (sample, position).
        labels: class of each sample (sample,).

    >>> keys = np.array([[1, 2], [1, 2]], dtype=np.uint64)
    >>> np.unique(pair_keys(keys, np.array([5, 5]))).size, np.unique(pair_keys(keys, np.array([5, 6]))).size
    (2, 4)
    """
    return mix64((keys + mix64(labels.view(np.uint64))[:, np.newaxis]).reshape(-1))


def count_classes(labels: Labels, *, positions: int) -> Classes:
    """Number of pairs of each class, if every sample has `positions` positions.

    >>> [part.tolist() for part in count_classes(np.array([6, -1, 6]), positions=2)]
    [[-1, 6], [2, 4]]
    """
    classes, samples = np.unique(labels, return_counts=True)
    return classes, samples.astype(np.int64) * positions


def add_classes(a: Classes, b: Classes) -> Classes:
    """Add two counts of classes.

    >>> [part.tolist() for part in add_classes((np.array([6]), np.array([1])), (np.array([-1, 6]), np.array([2, 4])))]
    [[-1, 6], [2, 5]]
    """
    classes, indices = np.unique(np.concatenate([a[0], b[0]]), return_inverse=True)
    counts = np.zeros(classes.size, dtype=np.int64)
    np.add.at(counts, indices, np.concatenate([a[1], b[1]]))
    return classes, counts
