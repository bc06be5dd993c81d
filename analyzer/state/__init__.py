"""Statistics with their provenance: saved, resumed and merged."""

from .analysis_state import State

__all__ = ["State"]
