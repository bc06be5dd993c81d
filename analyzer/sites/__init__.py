"""Sites: which nodes decide, what they read, which axis counts their units."""

from .definition import GUESS, KINDS, PIECEWISE, RECTIFIERS, SMOOTH, Site
from .find import find_sites

__all__ = ["GUESS", "KINDS", "PIECEWISE", "RECTIFIERS", "SMOOTH", "Site", "find_sites"]
