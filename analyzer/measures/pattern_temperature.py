"""Activation pattern temperature (Hartmann, 2025, section 3.2): the share of patterns that a change of weights changes.

D is the share of patterns that differ, one pattern at each (sample, position), and T = -log2(1 - D), in bits. In places
the thesis calls P(D) the probability that a pattern has *not* changed; its formulas and its numbers (T = 3.17 for
D = 89 %) require D to be the share that has.
"""

from math import log2
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..stats import Changes
from ..values.plain_data import Value

Doubles = NDArray[np.float64]
LN2 = float(np.log(2))


def pattern_distance(before: NDArray[Any], after: NDArray[Any]) -> float:
    """D, definition 5, (3.15): the share of (sample, position) at which at least one unit's z > 0 differs.

    Args:
        before: pre-activations (sample, position, unit), or any shape (..., unit).
        after: pre-activations of the same samples in the other state, same shape.

    >>> pattern_distance(np.array([[[1.0, -1.0]], [[1.0, 0.0]]]), np.array([[[2.0, 1.0]], [[3.0, -1.0]]]))
    0.5
    """
    return float(((before > 0) != (after > 0)).any(axis=-1).mean())


@overload
def temperature(D: float) -> float: ...
@overload
def temperature(D: Doubles) -> Doubles: ...
def temperature(D: float | Doubles) -> float | Doubles:
    """T = -log2(1 - D), definition 6, (3.16): surprisal of an unchanged pattern in bits; infinite for D = 1.

    The printed log has no base: base 2 gives the thesis' T = 3.17 for D = 8/9.

    Args:
        D: distance in [0, 1], scalar or array.

    >>> temperature(0.0), temperature(0.5), temperature(1.0)
    (0.0, 1.0, inf)
    >>> round(temperature(8 / 9), 2)
    3.17
    """
    with np.errstate(divide="ignore"):
        T = -np.log1p(-np.asarray(D, dtype=np.float64)) / LN2
    return T if T.ndim else float(T)


@overload
def distance(T: float) -> float: ...
@overload
def distance(T: Doubles) -> Doubles: ...
def distance(T: float | Doubles) -> float | Doubles:
    """D = 1 - 2^-T, the inverse of (3.16).

    Args:
        T: temperature, at least 0, scalar or array.

    >>> distance(0.0), distance(1.0), distance(float("inf"))
    (0.0, 0.5, 1.0)
    """
    D = -np.expm1(-np.asarray(T, dtype=np.float64) * LN2)
    return D if D.ndim else float(D)


def network_distance(D: ArrayLike) -> float:
    """P = mean_l D_l, the unweighted mean over the layers; the control variable of section 3.3.

    Args:
        D: distance of each site (site,), at least one.

    >>> network_distance([0.25, 0.75])
    0.5
    """
    return float(np.mean(np.asarray(D, dtype=np.float64)))


def network_temperature(D: ArrayLike) -> float:
    """T = -log2(1 - P), the temperature of the mean distance.

    The text and figure 3.22 use the mean of the layers' temperatures (`mean_temperature`), which is infinite as soon as
    one layer has D = 1; the algorithm (A.4) uses P.

    Args:
        D: distance of each site (site,), at least one.

    >>> network_temperature([0.0, 1.0])
    1.0
    """
    return temperature(network_distance(D))


def clipping_temperature(count: int) -> float:
    """log2(2N), the temperature if half of one pattern of N were unchanged: above every finite T of N patterns.

    >>> clipping_temperature(1024)
    11.0
    """
    return log2(2 * count)


def mean_temperature(D: ArrayLike, *, most: ArrayLike) -> float:
    """mean_l min(T_l, most): the mean of the layers' temperatures, clipped so that it stays finite where D = 1.

    Args:
        D: distance of each site (site,), at least one.
        most: upper bound of T, a scalar or one for each site (site,), see `clipping_temperature`.

    >>> mean_temperature([0.5, 1.0], most=9.0)
    5.0
    """
    return float(np.mean(np.minimum(temperature(np.asarray(D, dtype=np.float64)), most)))


def decisions(changes: Changes) -> dict[str, Value]:
    """D and T of one site, and the flips of its units: their overall share, and the count and share of each unit."""
    D = changes.different / changes.count
    return {
        "distance": D,
        "temperature": temperature(D),
        "flip_share": int(changes.flips.sum()) / (changes.count * changes.flips.size),
        "unit_flips": changes.flips,
        "unit_flip_share": changes.flips / changes.count,
    }
