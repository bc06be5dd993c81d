"""Plugins: the analyzer's formulas where other programs run, while a network is trained or rewritten."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["frameworks", "psb", "torch"]


if not TYPE_CHECKING:  # hidden from type checkers, which would accept every name

    def __getattr__(name: str) -> Any:
        """Import a plugin at first use: `relucid.plugins.psb` needs no import statement of its own."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(f".{name}", __name__)


def __dir__() -> list[str]:
    return sorted(__all__)
