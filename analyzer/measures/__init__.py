"""Measures: what statistics mean. Pure formulas, one file per idea, in the papers' letters; the registry is a tuple."""

from .change import changes
from .jumpstart import network
from .registry import MEASURES, Measure

__all__ = ["MEASURES", "Measure", "changes", "network"]
