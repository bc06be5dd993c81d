"""ActCooLR: learning rates from a temperature that falls over the training."""

from .actcoolr import ActCooLR
from .rule import Diverged

__all__ = ["ActCooLR", "Diverged"]


def __dir__() -> list[str]:
    return sorted(__all__)
