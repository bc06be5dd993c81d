"""The papers' networks, under the names the papers give them."""

from .counting import conv_parameters, dense_parameters
from .inits import INITS, initialize
from .rectangular import F1, Rectangular, conv, conv21, dense
from .residual import ResidualNet, convnet, resnet, toynet
from .stacked_nets import StackedNets

__all__ = [
    "F1",
    "INITS",
    "Rectangular",
    "ResidualNet",
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
