"""Sites: the nodes of a model where units switch, the values they read and the axis of their units."""

from .definition import GUESS, KINDS, PIECEWISE, RECTIFIERS, SMOOTH, Site
from .find import find_sites

__all__ = ["GUESS", "KINDS", "PIECEWISE", "RECTIFIERS", "SMOOTH", "Site", "find_sites"]


def __dir__() -> list[str]:
    return __all__
