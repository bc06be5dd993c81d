"""The papers' networks, under the names the papers give them."""

from .counting import conv_parameters, dense_parameters
from .inits import INITS, initialize
from .rectangular import Rectangular, conv, conv21, dense, f1
from .residual import ResidualNet, convnet, resnet, toynet
from .stacked_nets import StackedNets

__all__ = [
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
    "f1",
    "initialize",
    "resnet",
    "toynet",
]


def __dir__() -> list[str]:
    return sorted(__all__)
