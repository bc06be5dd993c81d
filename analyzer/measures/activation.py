"""Activation patterns of arrays in memory (Hartmann, 2025): patterns, pattern matrices, cells, the global pattern."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.floating]


def pattern(z: Floats) -> Bools:
    """A_l(x), definition 1: which units are active, z > 0, strictly; any shape (..., unit).

    The printed definition omits the index of the unit; zero counts as inactive, as in the author's code.

    >>> pattern(np.array([1.0, 0.0, -1.0])).tolist()
    [True, False, False]
    """
    return np.asarray(z > 0)


def activation_matrix(z: Floats) -> Floats:
    """A_l(x) as the diagonal matrix of (2.11) (..., unit, unit): max(z, 0) = A_l(x) z, so a ReLU is linear in its cell.

    >>> activation_matrix(np.array([2.0, -3.0])).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    return np.asarray(pattern(z)[..., :, None] * np.eye(z.shape[-1], dtype=z.dtype))


def same_cell(x: Floats, y: Floats) -> Bools:
    """Whether two points, given by their z (..., unit), are in the same activation cell, definition 2 (...).

    >>> same_cell(np.array([[1.0, -1.0], [1.0, 1.0]]), np.array([[2.0, -3.0], [1.0, 0.0]])).tolist()
    [True, False]
    """
    return np.asarray((pattern(x) == pattern(y)).all(axis=-1))


def global_pattern(sites: Sequence[Floats]) -> Bools:
    """A(x), definition 3, (2.12): the concatenated patterns of all sites and positions (sample, sum of units).

    The last exponent should be d_(L-1), that of the last ReLU, since f_L has none: `sites` holds ReLU inputs only.

    Args:
        sites: pre-activations of each site, in order (sample, position, unit).

    >>> global_pattern([np.array([[[1.0, -1.0]]]), np.array([[[2.0]]])]).tolist()
    [[True, False, True]]
    """
    return np.concatenate([pattern(z).reshape(len(z), -1) for z in sites], axis=1)
