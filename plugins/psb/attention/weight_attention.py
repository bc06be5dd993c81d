"""Attention by weights: some weights use more samples than others, for all images. Thesis, section 4.2.5.

The thesis describes attention by positions only; these two selections are modes of its authors' program.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..encoding.levels import Levels
from ..encoding.packing import Packed

WEIGHT_SELECTIONS = ("channels", "neuron")
Selected = NDArray[np.bool_]
Integers = NDArray[np.int64]


def select_weights(selection: str, weights: Packed, shape: tuple[int, ...], *, within: float) -> Selected:
    """Return a mask of the weights of a layer that use the refined number of samples (weight,).

    Args:
        selection: one of WEIGHT_SELECTIONS.
        weights: the table of weights, flattened.
        shape: shape of the table.
        within: largest distance of a probability from 1/2, for "neuron".
    """
    return select_channels(weights, shape) if selection == "channels" else select_neurons(weights, within=within)


def select_channels(weights: Packed, shape: tuple[int, ...]) -> Selected:
    """Return a mask of the weights of all units with a mean probability above that of the tensor (weight,).

    The quantized probabilities count, and zero weights are ignored. Probabilities are affine in their levels, so sums
    of levels, which are integers, are compared. If all units have the same mean, none is selected.

    Args:
        weights: the table of weights, flattened.
        shape: of the table: (group, input, unit), (input, unit), or (1, unit).

    >>> from relucid.plugins.psb.encoding.packing import pack
    >>> select_channels(pack([[1.0, 1.5, 1.25], [1.0, 0.0, 1.25]]), (2, 3)).tolist()
    [False, True, True, False, True, True]
    """
    nonzero = (weights.exponent > 0).reshape(shape)
    level = np.where(nonzero, weights.level.reshape(shape), 0)
    counts, sums = nonzero.sum(axis=-2, keepdims=True), level.sum(axis=-2, keepdims=True)
    above = sums * nonzero.sum() > level.sum() * counts
    return np.broadcast_to(above, shape).reshape(-1)


def select_neurons(weights: Packed, *, within: float) -> Selected:
    """Return a mask of the weights with |p - 1/2| <= w, whose variance is the largest for their exponent (weight,).

    Args:
        weights: the table of weights, flattened.
        within: w, from 0 (p = 1/2 only) to 1/2 (all weights).

    >>> from relucid.plugins.psb.encoding.packing import pack
    >>> select_neurons(pack([1.0, 1.25, 1.5, 1.9]), within=0.25).tolist()
    [False, True, True, False]
    """
    return is_near_half(weights.levels, within=within)[weights.level]


def is_near_half(levels: Levels, *, within: float) -> Selected:
    """Whether |p - 1/2| <= w, for each level (level,)."""
    return np.array([abs(p - Fraction(1, 2)) <= Fraction(float(within)) for p in levels.probabilities])


def joined_rows(selection: str, levels: Levels, *, within: float) -> Integers:
    """The rows that a `Join` selects from the tables of base and refined samples, concatenated (row,).

    With L levels, row l is the table of level l at the base samples, and row L + l that at the refined samples. By
    neuron the level determines the number of samples, so L rows are enough; by channels all 2 L are needed.

    >>> joined_rows("neuron", Levels(2), within=0.25).tolist(), joined_rows("channels", Levels(1), within=0.25).tolist()
    ([0, 5, 6, 7], [0, 1, 2, 3])
    """
    count = 2**levels.bits
    if selection == "channels":
        return np.arange(2 * count)
    return np.asarray(np.arange(count) + count * is_near_half(levels, within=within))


def to_table_rows(level: Integers, selected: Selected, rows: Integers, *, levels: int) -> Integers:
    """Encode level and selection of each weight as an index into the joined rows (weight,), stored as its level.

    >>> to_table_rows(np.array([1, 1]), np.array([False, True]), np.arange(4), levels=2).tolist()
    [1, 3]
    """
    index = np.zeros(2 * levels, dtype=np.int64)
    index[rows] = np.arange(len(rows))
    return np.asarray(index[level + levels * selected])


def from_table_rows(stored: Integers, rows: Integers, *, levels: int) -> tuple[Integers, Selected]:
    """Return the level of each weight, and whether it uses the refined number of samples (weight,).

    >>> [part.tolist() for part in from_table_rows(np.array([1, 3]), np.arange(4), levels=2)]
    [[1, 1], [False, True]]
    """
    selected, level = np.divmod(rows[stored], levels)
    return level, selected == 1
