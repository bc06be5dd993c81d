"""Capture the pre-activations of every ReLU-like call while a model runs."""

from .capture import Capture, Observer
from .dry_runs import dry_run
from .hooks import unwrap_model

__all__ = ["Capture", "Observer", "dry_run", "unwrap_model"]


def __dir__() -> list[str]:
    return sorted(__all__)
