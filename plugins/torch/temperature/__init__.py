"""The share of activation patterns that an optimizer step changes, measured and modelled."""

from .sensitivity_analysis import Sensitivity, sensitivity
from .thermometer import Reading, Thermometer

__all__ = ["Reading", "Sensitivity", "Thermometer", "sensitivity"]


def __dir__() -> list[str]:
    return sorted(__all__)
