"""Passes that transform an ONNX graph; each is an `onnx_ir` pass in a file of its own."""

from .expose_values import InstrumentPass
from .fix_patterns import FixPatternsPass
from .fold_batchnorm import FoldBatchNormPass
from .probe import ProbePass
from .tidy import TidyPass

__all__ = ["FixPatternsPass", "FoldBatchNormPass", "InstrumentPass", "ProbePass", "TidyPass"]


def __dir__() -> list[str]:
    return sorted(__all__)
