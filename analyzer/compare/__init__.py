"""Comparison of two states of one network, or of a chain of them, on the same data."""

from .api import compare, compare_chain
from .comparison import Comparison, Course

__all__ = ["Comparison", "Course", "compare", "compare_chain"]


def __dir__() -> list[str]:
    return __all__
