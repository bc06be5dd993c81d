"""Measures: pure formulas over statistics, in the papers' letters, and their registry."""

from .change import changes
from .jumpstart import network
from .registry import MEASURES, Measure

__all__ = ["MEASURES", "Measure", "changes", "network"]


def __dir__() -> list[str]:
    return __all__
