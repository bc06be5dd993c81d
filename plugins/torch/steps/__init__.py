"""Optimizer steps: hooks on them, trial steps at other rates, and bit-exact restoring."""

from .restore import preserve_rng_and_modes, restore_afterwards
from .trial_step import trials

__all__ = ["preserve_rng_and_modes", "restore_afterwards", "trials"]


def __dir__() -> list[str]:
    return sorted(__all__)
