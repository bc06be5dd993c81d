"""PSB while training: torch layers that compute as the rewritten model does, with straight-through gradients."""

from .convert import convert, float_copy
from .export import adopt, export
from .gumbel import gumbel_binomial, gumbel_max
from .layer import PsbLayer
from .sampling import sampling
from .straight_through import clipped_straight_through, straight_through

__all__ = [
    "PsbLayer",
    "adopt",
    "clipped_straight_through",
    "convert",
    "export",
    "float_copy",
    "gumbel_binomial",
    "gumbel_max",
    "sampling",
    "straight_through",
]
