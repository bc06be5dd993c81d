"""Attention by weights: which of them take more samples than the others, whatever the image. Thesis, section 4.2.5.

The thesis has attention by positions only; these two are modes of its authors' program.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..encoding.levels import Levels
from ..encoding.packing import Packed

SELECTIONS = ("channels", "neuron")
Chosen = NDArray[np.bool_]
Numbers = NDArray[np.int64]


def refined(selection: str, weights: Packed, shape: tuple[int, ...], *, within: float) -> Chosen:
    """Which weights of a layer take the refined samples (weight,).

    Args:
        selection: one of SELECTIONS.
        weights: in the order of their table.
        shape: of that table.
        within: as `by_neuron` has it.
    """
    return by_channels(weights, shape) if selection == "channels" else by_neuron(weights, within=within)


def by_channels(weights: Packed, shape: tuple[int, ...]) -> Chosen:
    """The weights of all units whose mean probability exceeds that of the whole tensor (weight,).

    The probabilities are those that are stored, and weights that are 0 have none. They grow evenly with their levels,
    so that sums of levels, whole numbers, decide; units that are all alike are none of them chosen.

    Args:
        weights: in the order of their table.
        shape: of that table: (group, input, unit), (input, unit), or (1, unit).

    >>> from relucid.plugins.psb.encoding.packing import pack
    >>> by_channels(pack([[1.0, 1.5, 1.25], [1.0, 0.0, 1.25]]), (2, 3)).tolist()
    [False, True, True, False, True, True]
    """
    held = (weights.exponent > 0).reshape(shape)
    level = np.where(held, weights.level.reshape(shape), 0)
    counts, sums = held.sum(axis=-2, keepdims=True), level.sum(axis=-2, keepdims=True)
    above = sums * held.sum() > level.sum() * counts
    return np.broadcast_to(above, shape).reshape(-1)


def by_neuron(weights: Packed, *, within: float) -> Chosen:
    """The weights with |p - 1/2| <= w, those that leave most to chance (weight,).

    Args:
        weights: in the order of their table.
        within: w, from 0 (p = 1/2 alone) to 1/2 (all weights).

    >>> from relucid.plugins.psb.encoding.packing import pack
    >>> by_neuron(pack([1.0, 1.25, 1.5, 1.9]), within=0.25).tolist()
    [False, True, True, False]
    """
    return near_half(weights.levels, within=within)[weights.level]


def near_half(levels: Levels, *, within: float) -> Chosen:
    """Whether |p - 1/2| <= w, for each level (level,)."""
    return np.array([abs(p - Fraction(1, 2)) <= Fraction(float(within)) for p in levels.probabilities])


def rows_of(selection: str, levels: Levels, *, within: float) -> Numbers:
    """Which rows of two tables, one below the other, the weights of a model read (row,).

    With L levels, row l says what the base samples of level l give, and row L + l what the refined ones do. By neuron
    the level tells how many samples there are, so that L rows are read; by channels it does not, and all are.

    >>> rows_of("neuron", Levels(2), within=0.25).tolist(), rows_of("channels", Levels(1), within=0.25).tolist()
    ([0, 5, 6, 7], [0, 1, 2, 3])
    """
    count = 2**levels.bits
    if selection == "channels":
        return np.arange(2 * count)
    return np.asarray(np.arange(count) + count * near_half(levels, within=within))


def to_codes(level: Numbers, chosen: Chosen, rows: Numbers, *, levels: int) -> Numbers:
    """Which of the rows each weight reads (weight,): what is stored in the place of its level.

    >>> to_codes(np.array([1, 1]), np.array([False, True]), np.arange(4), levels=2).tolist()
    [1, 3]
    """
    place = np.zeros(2 * levels, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return np.asarray(place[level + levels * chosen])


def from_codes(codes: Numbers, rows: Numbers, *, levels: int) -> tuple[Numbers, Chosen]:
    """The level of each weight again, and whether it takes the refined samples.

    >>> [part.tolist() for part in from_codes(np.array([1, 3]), np.arange(4), levels=2)]
    [[1, 1], [False, True]]
    """
    chosen, level = np.divmod(rows[codes], levels)
    return level, chosen == 1
