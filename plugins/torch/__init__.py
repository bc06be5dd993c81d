"""Plugins for PyTorch: what the analyzer measures, seen and steered while a network is trained."""

from .capture import Capture, Observer
from .monitor import Monitor
from .separation import Separation, warm_up
from .zero_start import AnnealedDropout, annealed_rate, zero_init

__all__ = ["AnnealedDropout", "Capture", "Monitor", "Observer", "Separation", "annealed_rate", "warm_up", "zero_init"]
