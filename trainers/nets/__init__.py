"""The papers' networks, by their names in the papers."""

from .counting import conv_parameters, dense_parameters
from .f1 import F1
from .inits import INITS, initialize
from .rectangular import Rectangular, conv, conv21, dense
from .residual import Residual, convnet, resnet, toynet
from .stacked_nets import StackedNets

__all__ = [
    "F1",
    "INITS",
    "Rectangular",
    "Residual",
    "StackedNets",
    "conv",
    "conv21",
    "conv_parameters",
    "convnet",
    "dense",
    "dense_parameters",
    "initialize",
    "resnet",
    "toynet",
]


def __dir__() -> list[str]:
    return sorted(__all__)
