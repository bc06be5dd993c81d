"""Estimates from a pattern table past its capacity: frequent patterns are tracked, the rest is known from a sample.

Which patterns are tracked does not depend on their keys, and which are sampled depends on the keys alone. The sampled
patterns that are not tracked are therefore a random sample of all untracked ones, and the sampled patterns that are
tracked show how many occurrences tracking misses.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ..stats import Patterns
from ..stats.keys import Keys
from ..stats.patterns import TRACKED_SHARE, heaviest

Doubles = NDArray[np.float64]


def tracked_keys(c: Patterns) -> Keys:
    """Sorted keys of the frequent patterns; at level 0, of those that the state would track at a higher level."""
    return c.keys[heaviest(c.counts, c.capacity // TRACKED_SHARE)] if c.level == 0 else c.frequent_keys


def estimate_counts(c: Patterns, keys: Keys) -> tuple[Doubles, Callable[[NDArray[np.floating]], float]]:
    """Estimate the counts of patterns that were chosen independently of their keys.

    The share of possibly missed occurrences that was missed is measured on the sampled patterns, whose true counts are
    known. One prior pattern that missed half of them, with the error of a uniform distribution, is added: it decides
    where no such pattern was sampled.

    Args:
        c: the state.
        keys: sorted keys of the patterns (pattern,).

    Returns:
        The counts (pattern,): exact where the pattern is sampled or missed no occurrence, else the expected value in
        its range. And a function that returns the standard error of a sum over the patterns, from the change of each
        term per occurrence (pattern,).
    """
    seen, missed = c.frequent_bounds(keys)
    exact, unknown = c.bounds(keys)
    shown = (unknown == 0) & (missed > 0)
    average = float(missed.mean()) if missed.any() else 1.0
    width = float(missed[shown].sum()) + average
    share = (float((exact - seen)[shown].sum()) + average / 2) / width
    doubt = sqrt((float(np.square(missed[shown]).sum()) + average**2) / 12) / width
    ranges = unknown.astype(np.float64)

    def error(slope: NDArray[np.floating]) -> float:
        # The share is common to all patterns, so its error adds linearly; each count is also uniform over its range.
        reach = slope * ranges
        return float(np.hypot(doubt * reach.sum(), np.sqrt(np.square(reach).sum() / 12)))

    return exact + share * unknown, error


def rest(c: Patterns, keys: Keys) -> Doubles:
    """Exact counts of the sampled patterns that are not among the sorted `keys` (pattern,)."""
    return c.counts[~np.isin(c.keys, keys, assume_unique=True)].astype(np.float64)


def ratio(y: Doubles, x: Doubles, *, q: float, most: float) -> tuple[float, float]:
    """Estimate the ratio of the sums of y and x over all untracked patterns from the sampled ones.

    Cochran, Sampling Techniques (1977), chapter 6, for a sample that takes each pattern with probability q:
    r = sum y / sum x, error^2 = (1 - q) n / (n - 1) sum (y - r x)^2 / (sum x)^2.

    The sum of squares has one more term, a pattern with the largest x and the ratio farthest from r, because a sample
    of equal patterns does not exclude other ones.

    Args:
        y: quantity whose total is unknown (pattern,).
        x: quantity whose total is known (pattern,), positive.
        q: probability with which a pattern was sampled.
        most: largest ratio a pattern can have; the smallest is 0.

    Returns:
        The ratio and its standard error; with fewer than two patterns, those of a uniform distribution over [0, most].

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
