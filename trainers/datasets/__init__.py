"""The papers' data: made here, or read from files the user has; nothing is downloaded."""

from .checkboard import checkboard
from .cifar import cifar, standardized
from .digits import digits
from .gaussians import gaussians
from .images import images
from .labelled import Labelled, Split
from .mnist import mnist
from .moons import moons

__all__ = [
    "Labelled",
    "Split",
    "checkboard",
    "cifar",
    "digits",
    "gaussians",
    "images",
    "mnist",
    "moons",
    "standardized",
]


def __dir__() -> list[str]:
    return sorted(__all__)
