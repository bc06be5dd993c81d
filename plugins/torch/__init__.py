"""Plugins for PyTorch: the analyzer's measures during training, and training methods based on them."""

from .actcoolr.actcoolr import ActCooLR
from .actcoolr.rule import Diverged
from .capture import Capture, Observer
from .monitor import Monitor
from .separation.separation import Separation, warm_up
from .separation.zero_weights import AnnealedDropout, annealed_rate, zero_init
from .temperature.sensitivity_analysis import Sensitivity, sensitivity
from .temperature.thermometer import Thermometer

__all__ = [
    "ActCooLR",
    "AnnealedDropout",
    "Capture",
    "Diverged",
    "Monitor",
    "Observer",
    "Sensitivity",
    "Separation",
    "Thermometer",
    "annealed_rate",
    "sensitivity",
    "warm_up",
    "zero_init",
]


def __dir__() -> list[str]:
    return sorted(__all__)
