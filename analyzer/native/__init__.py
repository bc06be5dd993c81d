"""Native code, if it was built: probe operators for onnxruntime and a table of pattern counts."""

from .library import library, why_not
from .table import PatternTable

__all__ = ["PatternTable", "library", "why_not"]
