"""Two kinds of patterns in a state past its capacity: those tracked one by one, and the rest, known by a fair sample.

Which patterns are tracked does not depend on their keys, and which are sampled depends on nothing else; so the sampled
patterns that are not tracked are a fair draw from all that are not, and those that are show what tracking misses.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ..stats import Patterns
from ..stats.keys import Keys
from ..stats.patterns import TRACKED_SHARE
from ..stats.tables import heaviest

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tracked:
    """Counts of some patterns as one state knows them.

    Args:
        counts: exact where the pattern is sampled or has missed nothing, else the likely value in its range (pattern,).
        missed: width of that range (pattern,), 0 where the count is exact.
        doubt: standard error of the share of the missed occurrences that was taken as likely.
    """

    counts: Doubles
    missed: Doubles
    doubt: float

    def error(self, slope: NDArray[np.floating]) -> float:
        """Standard error of a sum over the patterns whose terms change by `slope` (pattern,) per occurrence.

        The share is one number for all of them, so its doubt adds up; each pattern besides lies anywhere in its range.
        """
        reach = slope * self.missed
        return float(np.hypot(self.doubt * reach.sum(), np.sqrt(np.square(reach).sum() / 12)))


def tracked_keys(c: Patterns) -> Keys:
    """Keys of the frequent patterns, sorted; of a state at level 0 those that it would keep at a higher level."""
    return c.keys[heaviest(c.counts, c.capacity // TRACKED_SHARE)] if c.level == 0 else c.frequent_keys


def tracked(c: Patterns, keys: Keys) -> Tracked:
    """What a state knows of the counts of patterns chosen without regard to their keys.

    Of the occurrences that a pattern may have missed, the share it has missed is seen on the sampled patterns, whose
    true counts are known. One more pattern is added to them that missed half, with the error of an even spread: it
    stands in for them where there are none.
    """
    seen, missed = c.frequent_bounds(keys)
    exact, unknown = c.bounds(keys)
    shown = (unknown == 0) & (missed > 0)
    average = float(missed.mean()) if missed.any() else 1.0
    width = float(missed[shown].sum()) + average
    share = (float((exact - seen)[shown].sum()) + average / 2) / width
    doubt = sqrt((float(np.square(missed[shown]).sum()) + average**2) / 12) / width
    return Tracked(exact + share * unknown, unknown.astype(np.float64), doubt)


def rest(c: Patterns, keys: Keys) -> Doubles:
    """Exact counts of the sampled patterns that are not among the sorted `keys` (pattern,)."""
    return c.counts[~np.isin(c.keys, keys, assume_unique=True)].astype(np.float64)


def ratio(y: Doubles, x: Doubles, *, q: float, most: float) -> tuple[float, float]:
    """Ratio of the sums of y and x over all patterns of the rest, from the sampled ones, and its standard error.

    Cochran, Sampling Techniques (1977), chapter 6, for a sample that takes each pattern with probability q:
    r = sum y / sum x, error^2 = (1 - q) n / (n - 1) sum (y - r x)^2 / (sum x)^2.

    The sum of squares has one term more, a pattern with the largest x and the ratio farthest from r: a sample of
    patterns all alike does not show that there are no others.

    Args:
        y: what is wanted of each sampled pattern (pattern,).
        x: what is known in total (pattern,), positive.
        q: probability with which a pattern was sampled.
        most: largest ratio a pattern can have (the smallest is 0); with fewer than two patterns, that is all there is.

    >>> ratio(np.array([1.0, 2.0]), np.array([2.0, 4.0]), q=1.0, most=1.0)
    (0.5, 0.0)
    >>> ratio(np.array([]), np.array([]), q=0.5, most=1.0)
    (0.5, 0.2886751345948129)
    """
    n = x.size
    if n < 2:
        return most / 2, most / sqrt(12)
    r = float(y.sum() / x.sum())
    spread = float(np.square(y - r * x).sum()) + float(x.max() * max(r, most - r)) ** 2
    return r, sqrt((1 - q) * n / (n - 1) * spread) / float(x.sum())
