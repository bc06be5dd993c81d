"""The papers' data sets, generated here or read from the user's files; nothing is downloaded."""

from .checkboard import make_checkboard
from .cifar import find_cifar, load_cifar, standardize
from .digits import load_digits
from .gaussians import make_gaussians
from .images import load_images
from .labelled import Labelled, Split
from .mnist import load_mnist
from .moons import make_moons

__all__ = [
    "Labelled",
    "Split",
    "find_cifar",
    "load_cifar",
    "load_digits",
    "load_images",
    "load_mnist",
    "make_checkboard",
    "make_gaussians",
    "make_moons",
    "standardize",
]


def __dir__() -> list[str]:
    return sorted(__all__)
