"""Similarity of the frequent patterns of two states: the thresholded Jaccard index of the thesis' author's code."""

import numpy as np

from ..errors import StateError
from ..stats import Patterns
from ..values.estimate import Estimate
from .change import Overlap, jaccard

ABOVE = 10


def frequent_jaccard(c: Patterns, d: Patterns, *, above: int = ABOVE) -> float | Estimate:
    """Jaccard similarity of the sets {i : c_i > above} and {i : c'_i > above}; 1 where both are empty.

    Patterns that hardly ever occur make most of a set, and noise decides which; the author's code leaves those out
    that occurred at most 10 times. Not printed in the thesis.

    Args:
        c: patterns of one state.
        d: patterns of the other, with the same units and seed.
        above: the largest count that is left out.

    Raises:
        StateError: the two differ in units or seed, so that their keys mean different things.

    >>> keys = np.array([1] * 12 + [2] * 3, dtype=np.uint64)
    >>> a, b = (Patterns.of_keys(each, units=64) for each in (keys, keys[:12]))
    >>> frequent_jaccard(a, b), frequent_jaccard(a, b, above=0)
    (1.0, 0.5)
    """
    if (c.units, c.seed) != (d.units, d.seed):
        raise StateError("patterns of other units or with another seed cannot be compared; use the same")
    level = max(c.level, d.level)
    (a, a_counts), (b, b_counts) = c.sample(level), d.sample(level)
    a, b = a[a_counts > above], b[b_counts > above]
    both = np.intersect1d(a, b, assume_unique=True).size
    return jaccard(Overlap(a.size - both, b.size - both, both, 2.0**-level))
