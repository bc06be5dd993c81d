"""A loss term that penalizes dead and linear units and points of a network."""

from .extreme_values import Extremes, extremes
from .separation import Separation, warm_up
from .separation_loss import aggregate, balance_deficits, constraint_count, deficits, penalty
from .zero_weights import AnnealedDropout, annealed_rate, zero_init

__all__ = [
    "AnnealedDropout",
    "Extremes",
    "Separation",
    "aggregate",
    "annealed_rate",
    "balance_deficits",
    "constraint_count",
    "deficits",
    "extremes",
    "penalty",
    "warm_up",
    "zero_init",
]


def __dir__() -> list[str]:
    return sorted(__all__)
