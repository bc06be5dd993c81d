"""Information of a site's patterns about the labels: joint and conditional entropy and mutual information.

Defined in the code of the thesis' author only.

A is the pattern at one (sample, position), L the class of the sample; all values are in bits. The author's code assumes
equally frequent classes, p(L) = 1 / K; here H(L) is computed from the class counts.
"""

from math import hypot

import numpy as np

from ..stats import LabelledPatterns, Patterns
from ..values.estimate import Estimate
from ..values.plain_data import Value
from .pattern_counts import entropy


def label_entropy(pairs: LabelledPatterns) -> float:
    """H(L) of the classes, each (sample, position) counted once."""
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
