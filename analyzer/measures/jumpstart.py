"""Jumpstart (Riera et al., 2022): dead, linear and nonlinear units, points and layers; constraints (3) to (6).

g is the pre-activation (z elsewhere), h = max(g, 0) the activation; all comparisons with 0 are strict as printed, so a
unit whose largest g is exactly 0 is dead.
"""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..stats import PointMargins, Points, PointTraces, UnitRanges
from ..stats.margins import LOWER, UPPER
from ..values.plain_data import Value

DEAD, LINEAR, NONLINEAR = "dead", "linear", "nonlinear"


def unit_classes(extents: UnitRanges) -> NDArray[np.str_]:
    """Class of each unit (unit,): `dead`, `linear` or `nonlinear`.

    Definition 1: unit j is dead if h_j(x) = 0 for all x, that is max g_j <= 0; linear if h_j(x) > 0 for all x, that is
    min g_j > 0; nonlinear otherwise.

    >>> extents = UnitRanges(3, 3, np.array([-2.0, 1.0, -1.0]), np.array([0.0, 5.0, 2.0]), np.array([0, 3, 1]))
    >>> unit_classes(extents).tolist()
    ['dead', 'linear', 'nonlinear']
    """
    return np.where(extents.high <= 0, DEAD, np.where(extents.low > 0, LINEAR, NONLINEAR))


def units(extents: UnitRanges) -> dict[str, Value]:
    """Return the units of each class of a site (definition 1), their ratios, and each unit's range and activity."""
    classes = unit_classes(extents)
    size = classes.size
    share = extents.active / extents.count
    values: dict[str, Value] = {}
    for name in (DEAD, LINEAR, NONLINEAR):
        values[f"{name}_units"] = tuple(np.flatnonzero(classes == name).tolist())
        values[f"{name}_unit_ratio"] = int((classes == name).sum()) / size
    values["active_share"] = int(extents.active.sum()) / (extents.count * size)
    values["unit_low"] = extents.low
    values["unit_high"] = extents.high
    values["unit_active"] = extents.active
    values["unit_active_share"] = share
    values["unit_class"] = classes
    return values


def points(points: Points) -> dict[str, Value]:
    """Return number, ratio and smallest sample numbers of the points of each class of a site (definition 2)."""
    values: dict[str, Value] = {}
    counts = {
        DEAD: (points.dead, points.listed_dead),
        LINEAR: (points.linear, points.listed_linear),
        NONLINEAR: (points.samples - points.dead - points.linear, points.listed_nonlinear),
    }
    for name, (count, listed) in counts.items():
        values[f"{name}_points"] = tuple(listed.tolist())
        values[f"{name}_point_count"] = count
        values[f"{name}_point_ratio"] = count / points.samples
    return values


def margins(extents: UnitRanges, points: PointMargins) -> dict[str, Value]:
    """Constraints (3) to (6): the share of units or points that satisfy each, and whether all of them do.

    (3) max over points of g_j >= upper, for each unit j;    (4) min over points of g_j <= lower, for each unit j;
    (5) max over units of g(x) >= upper, for each point x;   (6) min over units of g(x) <= lower, for each point x.
    The paper's margins are 1 and -1. For a feature map the extreme over its positions is used (section 3, end).
    """
    above, below = extents.high >= points.upper, extents.low <= points.lower
    shares = {
        "unit_upper_satisfied": int(above.sum()) / above.size,
        "unit_lower_satisfied": int(below.sum()) / below.size,
        "point_upper_satisfied": points.above / points.samples,
        "point_lower_satisfied": points.below / points.samples,
    }
    return {
        "upper_margin": points.upper,
        "lower_margin": points.lower,
        **shares,
        "separated": all(share == 1 for share in shares.values()),
    }


def satisfied(
    g: NDArray[np.floating], *, upper: float = UPPER, lower: float = LOWER
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Evaluate each of the constraints (3) to (6) on pre-activations in memory.

    Args:
        g: pre-activations (sample, position, unit).
        upper: margin of (3) and (5).
        lower: margin of (4) and (6).

    Returns:
        Whether (3) and (4) hold, each (unit,), and whether (5) and (6) hold, each (sample,).

    >>> [each.tolist() for each in satisfied(np.array([[[1.0, -1.0]], [[0.0, -2.0]]]))]
    [[True, False], [False, True], [True, False], [True, True]]
    """
    return (
        g.max(axis=(0, 1)) >= upper,
        g.min(axis=(0, 1)) <= lower,
        g.max(axis=(1, 2)) >= upper,
        g.min(axis=(1, 2)) <= lower,
    )


def network(sites: Mapping[str, UnitRanges], fates: PointTraces) -> dict[str, Value]:
    """Definitions 1 and 2 over the whole network.

    A site, the paper's layer, is dead (linear) if all its units are. A point dies at the first site where it is a dead
    point.

    Args:
        sites: ranges of each site by name, in the order in which `fates` counts them.
        fates: for each site, how many points die there first and how many are linear up to it.
    """
    classes = {name: unit_classes(extents) for name, extents in sites.items()}
    return {
        "dead_points_somewhere": fates.dead_somewhere,
        "dead_points_somewhere_ratio": fates.dead_somewhere / fates.samples,
        "first_dead": tuple(fates.first_dead.tolist()),
        "linear_so_far": tuple(fates.linear_so_far.tolist()),
        "dead_sites": tuple(name for name, each in classes.items() if (each == DEAD).all()),
        "linear_sites": tuple(name for name, each in classes.items() if (each == LINEAR).all()),
    }


def probability_of_dead_layer(p: float, widths: Sequence[int]) -> float:
    """Probability that at least one layer is dead at random, units being dead independently with probability p.

        P = 1 - prod_l (1 - p^n_l)

    Section 3 prints prod_l (1 - p)^n_l, but that makes P the probability of a dead unit, whereas the sentence before it
    says that layer l is dead with probability p^n_l; the exponent belongs to p alone. The same formula with q, the
    probability that a point does not activate a unit, gives the probability that a point dies at some layer.

    Args:
        p: probability that one unit is dead.
        widths: n_l, number of units of each layer.

    >>> round(probability_of_dead_layer(0.5, [4] * 50), 3)
    0.96
    """
    return 1 - prod(1 - p**n for n in widths)
