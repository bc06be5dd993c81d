"""The words that options take from a fixed set, as types: an editor completes them, a type checker refuses others."""

from collections.abc import Sequence
from typing import Literal, TypeVar

Units = Literal["channel", "position"]
"""What a unit is: a coordinate of the unit axis, or every coordinate of a sample."""

Provider = Literal["cpu", "cuda"]
"""Where the model runs."""

MeasureName = Literal[
    "units",
    "points",
    "patterns",
    "vni",
    "margins",
    "preactivation_vni",
    "information",
    "global_patterns",
]
"""What can be measured: the names of `MEASURES`, and of the one measure of the whole network."""

Kind = Literal[
    "celu",
    "clip",
    "elu",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "leaky_relu",
    "mask",
    "max",
    "mish",
    "prelu",
    "quantize",
    "quick_gelu",
    "relu",
    "selu",
    "silu",
    "softplus",
    "thresholded_relu",
    "where",
]
"""Kinds of sites: the names of `KINDS`."""

Word = TypeVar("Word", bound=str)


def several(words: Word | Sequence[Word] | None) -> Sequence[Word] | None:
    """Several words, where one may be given by itself.

    >>> several("vni"), several(["units", "vni"])
    (('vni',), ['units', 'vni'])
    """
    return (words,) if isinstance(words, str) else words
