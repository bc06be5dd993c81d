"""Changes in a site's patterns (Hartmann, 2025) from one state c to a later one c', by sets and by counts.

S and S' are the sets of patterns with a positive count. Two states are compared at the coarser of their levels, where
both hold the same sample of all patterns: values are exact at level 0 and estimates above it (sampling_estimates.py).
"""

from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np

from ..errors import StateError
from ..stats import Patterns
from ..stats.patterns import lookup
from ..values.estimate import Estimate
from ..values.plain_data import Value
from .sampling_estimates import estimate_counts, ratio, tracked_keys


@dataclass(frozen=True)
class Overlap:
    """Numbers of sampled patterns in one state only and in both; each pattern was sampled with probability q."""

    before: int
    after: int
    both: int
    q: float

    @property
    def any(self) -> int:
        """Number of sampled patterns in the union."""
        return self.before + self.after + self.both


def _require_same_keys(c: Patterns, d: Patterns) -> None:
    for name in ("units", "seed"):
        mine, theirs = getattr(c, name), getattr(d, name)
        if mine != theirs:
            raise StateError(
                f"expected patterns with the same {name}, got {name} {mine} and {theirs}; use one for both"
            )


def overlap(c: Patterns, d: Patterns) -> Overlap:
    """Count the sampled patterns of both states, at the coarser of their levels.

    Raises:
        StateError: the states differ in units or seed, so equal keys do not mean equal patterns.
    """
    _require_same_keys(c, d)
    level = max(c.level, d.level)
    a, b = c.sample(level)[0], d.sample(level)[0]
    both = np.intersect1d(a, b, assume_unique=True).size
    return Overlap(a.size - both, b.size - both, both, 2.0**-level)


def _number(sampled: int, q: float) -> int | Estimate:
    return sampled if q == 1 else Estimate(sampled / q, sqrt(max(sampled, 1) * (1 - q)) / q)


def jaccard(o: Overlap) -> float | Estimate:
    """|S n S'| / |S u S'|, the text before (3.7), which lacks the bars; 1 where both are empty."""
    if o.any == 0:
        return 1.0
    share = o.both / o.any
    if o.q == 1:
        return share
    # Agresti and Coull's share (1998) avoids an error of 0 where few patterns are common, or few are not.
    likely = (o.both + 2) / (o.any + 4)
    return Estimate(share, sqrt(likely * (1 - likely) * (1 - o.q) / o.any))


def net_change(o: Overlap) -> float | Estimate:
    """(|S'| - |S|) / |S'|: growth of the number of patterns relative to the later number; negative if it shrank.

    (3.6) has the opposite sign and its text calls it a symmetric difference; this is the formula of the author's code.
    The text describes `added`, `removed` and `symmetric_difference`.
    """
    before, after = o.before + o.both, o.after + o.both
    if after == 0:
        return 0.0 if before == 0 else float("-inf")
    R = before / after
    if o.q == 1:
        return 1 - R
    spread = max(o.before + o.after * R**2 + o.both * (1 - R) ** 2, 1.0)
    return Estimate(1 - R, sqrt((1 - o.q) * spread) / after)


def weighted_jaccard(c: Patterns, d: Patterns) -> float | Estimate:
    """J_W = sum_i min(c_i, c'_i) / sum_i max(c_i, c'_i), (3.7); 1 where both are empty.

    With I the sum of the minima, the sum of the maxima is N + N' - I, so only I has to be estimated: patterns
    tracked in either state contribute individually, the rest by its known mass and the minima in the sample.

    Raises:
        StateError: the states differ in units or seed.
    """
    _require_same_keys(c, d)
    N = c.total + d.total
    if N == 0:
        return 1.0
    level = max(c.level, d.level)
    if level == 0:
        shared = int(np.minimum(c.counts, lookup((d.keys, d.counts), c.keys)).sum())
        return shared / (N - shared)
    known = np.union1d(tracked_keys(c), tracked_keys(d))
    (a, error_a), (b, error_b) = estimate_counts(c, known), estimate_counts(d, known)
    mass = max(N - float((a + b).sum()), 0.0)
    rest = np.setdiff1d(np.union1d(c.sample(level)[0], d.sample(level)[0]), known, assume_unique=True)
    x, y = c.bounds(rest)[0].astype(np.float64), d.bounds(rest)[0].astype(np.float64)
    rate, error = ratio(np.minimum(x, y), x + y, q=2.0**-level, most=0.5)
    minima = float(np.minimum(a, b).sum()) + mass * rate
    # An occurrence more in the state with fewer raises the minimum by one, and lowers the mass of the rest by one.
    doubts = error_a((a < b) - rate), error_b((b < a) - rate)
    return Estimate(minima / (N - minima), N / (N - minima) ** 2 * hypot(mass * error, *doubts))


def changes(before: Patterns, after: Patterns) -> dict[str, Value]:
    """All measures of change, M-3 and M-4.

    Raises:
        StateError: the states differ in units or seed.
    """
    o = overlap(before, after)
    similarity = jaccard(o)
    difference = (
        Estimate(1 - similarity.value, similarity.error) if isinstance(similarity, Estimate) else 1 - similarity
    )
    return {
        "added": _number(o.after, o.q),
        "removed": _number(o.before, o.q),
        "net_change": net_change(o),
        "symmetric_difference": difference,
        "jaccard": similarity,
        "weighted_jaccard": weighted_jaccard(before, after),
    }


ABOVE = 10
"""Largest count of a pattern that `frequent_jaccard` leaves out by default."""


def frequent_jaccard(c: Patterns, d: Patterns, *, above: int = ABOVE) -> float | Estimate:
    """Jaccard similarity of the sets {i : c_i > above} and {i : c'_i > above}; 1 where both are empty.

    Most patterns of a set occur rarely, and noise decides which ones do; the author's code leaves out those with at
    most 10 occurrences. Not printed in the thesis.

    Args:
        c: patterns of one state.
        d: patterns of the other, with the same units and seed.
        above: largest count that is left out.

    Raises:
        StateError: the states differ in units or seed, so equal keys do not mean equal patterns.

    >>> keys = np.array([1] * 12 + [2] * 3, dtype=np.uint64)
    >>> a, b = (Patterns.of_keys(each, units=64) for each in (keys, keys[:12]))
    >>> frequent_jaccard(a, b), frequent_jaccard(a, b, above=0)
    (1.0, 0.5)
    """
    _require_same_keys(c, d)
    level = max(c.level, d.level)
    (a, a_counts), (b, b_counts) = c.sample(level), d.sample(level)
    a, b = a[a_counts > above], b[b_counts > above]
    both = np.intersect1d(a, b, assume_unique=True).size
    return jaccard(Overlap(a.size - both, b.size - both, both, 2.0**-level))
