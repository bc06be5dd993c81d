"""Plugins for PyTorch: what the analyzer measures, seen and steered while a network is trained."""

from .actcoolr import ActCooLR
from .capture import Capture, Observer
from .cooling import Diverged
from .monitor import Monitor
from .sensitivity import Sensitivity, sensitivity
from .separation import Separation, warm_up
from .temperature import Thermometer
from .zero_start import AnnealedDropout, annealed_rate, zero_init

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
