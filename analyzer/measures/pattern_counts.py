"""Activation patterns (Hartmann, 2025): the number of distinct patterns of a site, their entropy and information.

c_i is the count of pattern i and N = sum_i c_i. The thesis counts buckets of a hash; here c is a `Patterns` state. At
level 0 every count is exact and so is every value; above it, values are estimates (sampling_estimates.py).

The information about the labels is defined in the code of the thesis' author only: A is the pattern at one (sample,
position), L the class of the sample; all values are in bits.
"""

from math import hypot, log2, sqrt

import numpy as np

from ..stats import LabelledPatterns, Patterns
from ..stats.patterns import size_under
from ..values.estimate import Estimate
from ..values.plain_data import Value
from .sampling_estimates import estimate_counts, ratio, rest, tracked_keys


def total(c: Patterns) -> int | Estimate:
    """Number of distinct patterns, sum_i [c_i > 0], (3.5).

    Estimated as the number of tracked patterns plus the number of other sampled patterns divided by q, since each of
    the latter represents 1 / q patterns; that number is binomial, hence the error.
    """
    if c.level == 0:
        return c.keys.size
    keys, q = tracked_keys(c), 2.0**-c.level
    n = rest(c, keys).size
    return Estimate(keys.size + n / q, sqrt(max(n, 1) * (1 - q)) / q)


def max_frequency(c: Patterns) -> float | Estimate:
    """Share of the most frequent pattern, maxFreq(c) = max_i c_i / N, (3.8).

    Exact if no other pattern can be more frequent than the one with the largest complete count; otherwise the midpoint
    of the range of the largest count, with the standard deviation of a uniform distribution over it as error.
    """
    unsampled = slice(size_under(c.frequent_keys, c.level), None)
    sampled = int(c.counts.max(initial=0))
    seen, missed = c.frequent_counts[unsampled], c.frequent_missed[unsampled]
    least = max(sampled, int(seen.max(initial=0)))
    most = max(sampled, int((seen + missed).max(initial=0)), c.floor)
    if least == most:
        return least / c.total
    return Estimate((least + most) / 2 / c.total, (most - least) / sqrt(12) / c.total)


def entropy(c: Patterns) -> float | Estimate:
    """Entropy of the patterns in bits, H(c) = - sum_i c_i / N log2(c_i / N), over c_i > 0, (3.9).

    The thesis has N_l := 2^d in place of N (definition 4), with which the shares would not sum to 1; N is the sum of
    the counts, as in the author's code.

    Estimated as log2 N - 1/N sum_i c_i log2 c_i: tracked patterns contribute individually; the mass of the rest is
    known, and the sample gives the ratio of c log2 c to mass.
    """
    if c.level == 0:
        p = c.counts / c.total
        return abs(float((p * np.log2(p)).sum()))
    keys = tracked_keys(c)
    (known, error_of), x = estimate_counts(c, keys), rest(c, keys)
    mass = max(c.total - float(known.sum()), 0.0)
    rate, error = ratio(x * np.log2(x), x, q=2.0**-c.level, most=log2(max(c.floor, 1)))
    inside = float((known * np.log2(known)).sum()) + mass * rate
    # An occurrence more of a tracked pattern is an occurrence less of the rest.
    doubt = error_of(np.log2(known) + 1 / np.log(2) - rate)
    return Estimate(max(log2(c.total) - inside / c.total, 0.0), hypot(mass * error, doubt) / c.total)


def relative_entropy(c: Patterns) -> float | Estimate:
    """H_r(c) = H(c) / min(d, log2 N), (3.10): entropy relative to the maximum for N patterns of d units.

    Where N = 1 it is 0 / 0 and defined as 0.
    """
    most = min(c.units, log2(c.total))
    if most == 0:
        return 0.0
    H = entropy(c)
    return Estimate(H.value / most, H.error / most) if isinstance(H, Estimate) else H / most


def patterns(c: Patterns) -> dict[str, Value]:
    """All pattern measures of one site: (3.5), (3.8), (3.9), (3.10)."""
    return {
        "patterns": total(c),
        "top_pattern": max_frequency(c),
        "entropy": entropy(c),
        "relative_entropy": relative_entropy(c),
    }


def label_entropy(pairs: LabelledPatterns) -> float:
    """H(L) of the classes, each (sample, position) counted once.

    The author's code assumes equally frequent classes, p(L) = 1 / K; here H(L) is computed from the class counts.
    """
    p = pairs.class_counts / pairs.class_counts.sum()
    return abs(float((p * np.log2(p)).sum()))


def information(patterns: Patterns, pairs: LabelledPatterns) -> dict[str, Value]:
    """H(L), H(A, L), H(A | L) = H(A, L) - H(L) and MI(A; L) = H(A) + H(L) - H(A, L)."""
    H_L, H_A, H_AL = label_entropy(pairs), entropy(patterns), entropy(pairs)
    if isinstance(H_AL, Estimate):
        conditional: float | Estimate = Estimate(H_AL.value - H_L, H_AL.error)
    else:
        conditional = H_AL - H_L
    if isinstance(H_A, Estimate) or isinstance(H_AL, Estimate):
        error = hypot(*(H.error for H in (H_A, H_AL) if isinstance(H, Estimate)))
        mutual: float | Estimate = Estimate(float(H_A) + H_L - float(H_AL), error)
    else:
        mutual = max(H_A + H_L - H_AL, 0.0)
    return {
        "label_entropy": H_L,
        "joint_entropy": H_AL,
        "conditional_entropy": conditional,
        "mutual_information": mutual,
    }
