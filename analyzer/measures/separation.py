"""Separation constraints (S): membership of points in the half-spaces of a layer's units, on arrays in memory.

The sets are given by the pre-activations z = w . x + b of the layer, (sample, unit): x is in upper(u_j) if z_j > 0 and
in lower(u_j) if z_j <= 0, (3).
"""

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.floating]


def upper(z: Floats) -> Bools:
    """Whether x is in the upper set of each unit, (3): the open half-space where it is active (sample, unit).

    >>> upper(np.array([[1.0, 0.0]])).tolist()
    [[True, False]]
    """
    return np.asarray(z > 0)


def lower(z: Floats) -> Bools:
    """Whether x is in the lower set of each unit, (3): the closed half-space where it is inactive (sample, unit).

    >>> lower(np.array([[1.0, 0.0]])).tolist()
    [[False, True]]
    """
    return np.asarray(z <= 0)


def affine_component(z: Floats) -> Bools:
    """Whether x is in A(l), (4), the intersection of all upper sets: the layer is affine there (sample,).

    >>> affine_component(np.array([[1.0, 2.0], [1.0, 0.0]])).tolist()
    [True, False]
    """
    return np.asarray(upper(z).all(axis=1))


def zero_set(z: Floats) -> Bools:
    """Whether x is in Z(l), (4), the intersection of all lower sets: a dead point of the layer, (6) (sample,).

    >>> zero_set(np.array([[-1.0, 0.0], [1.0, 0.0]])).tolist()
    [True, False]
    """
    return np.asarray(lower(z).all(axis=1))


def dead_unit(z: Floats) -> Bools:
    """Whether all data is in lower(u_j), (5) (unit,).

    >>> dead_unit(np.array([[-1.0, 1.0], [0.0, -1.0]])).tolist()
    [True, False]
    """
    return np.asarray(lower(z).all(axis=0))


def affine_unit(z: Floats) -> Bools:
    """Whether all data is in upper(u_j) (unit,).

    >>> affine_unit(np.array([[1.0, 1.0], [2.0, -1.0]])).tolist()
    [True, False]
    """
    return np.asarray(upper(z).all(axis=0))


def dead_point(layers: list[Floats]) -> Bools:
    """Whether x is in the zero set of some layer, (7) (sample,).

    (7) requires 1 < k; a point in the zero set of the first layer is dead as well, so here 1 <= k.

    Args:
        layers: pre-activations of each layer (sample, unit).

    >>> dead_point([np.array([[1.0], [-1.0]]), np.array([[1.0], [1.0]])]).tolist()
    [False, True]
    """
    return np.asarray(np.any([zero_set(z) for z in layers], axis=0))


def separating_unit(z: Floats) -> Bools:
    """R_X(u_j), (8): part of the data is in lower(u_j), but not all; the unit is neither dead nor affine (unit,).

    >>> separating_unit(np.array([[1.0, 1.0, -1.0], [2.0, -1.0, -1.0]])).tolist()
    [False, True, False]
    """
    inside = lower(z)
    return np.asarray(inside.any(axis=0) & ~inside.all(axis=0))


def separating_point(z: Floats) -> Bools:
    """Whether x is in upper(u_j) and in lower(u_l) for some j, l, (9): neither dead nor affine (sample,).

    >>> separating_point(np.array([[1.0, -1.0], [1.0, 2.0]])).tolist()
    [True, False]
    """
    return np.asarray(upper(z).any(axis=1) & lower(z).any(axis=1))
