"""Two states of one network, or a chain of them, on the same data: what changed at every site where it decides."""

from .api import compare, compare_chain

__all__ = ["compare", "compare_chain"]
