"""Native code, if it was built: probe operators for onnxruntime, and a table of pattern counts."""

from .library import library_path, unavailable_reason
from .table import PatternTable

__all__ = ["PatternTable", "library_path", "unavailable_reason"]


def __dir__() -> list[str]:
    return sorted(__all__)
