"""Passes: graph to graph, one idea a file, all of them onnx_ir passes."""

from .blocked import BlockedPass
from .expose_values import InstrumentPass
from .fix_patterns import FixPatternsPass
from .fold_batchnorm import FoldBatchNormPass
from .probe import ProbePass
from .tidy import TidyPass

__all__ = ["BlockedPass", "FixPatternsPass", "FoldBatchNormPass", "InstrumentPass", "ProbePass", "TidyPass"]
