"""Sites: which nodes decide, what they read, which axis counts their units."""

from .find import find_sites
from .site import GUESS, KINDS, PIECEWISE, RECTIFIERS, SMOOTH, Site

__all__ = ["GUESS", "KINDS", "PIECEWISE", "RECTIFIERS", "SMOOTH", "Site", "find_sites"]
