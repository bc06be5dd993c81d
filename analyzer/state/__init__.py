"""States: statistics with their provenance, which merge and are saved and resumed."""

from .analysis_state import DataShard, State
from .checkpoint import Checkpointer

__all__ = ["Checkpointer", "DataShard", "State"]


def __dir__() -> list[str]:
    return __all__
