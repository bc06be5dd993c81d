"""Training with PSB: torch layers that compute what the rewritten model computes, with straight-through gradients."""

from .conversion import convert, float_copy
from .gradients import clipped_straight_through, straight_through
from .gumbel import gumbel_binomial, gumbel_max
from .layer import PsbLayer
from .onnx_export import adopt, export, sampling

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


def __dir__() -> list[str]:
    return sorted(__all__)
