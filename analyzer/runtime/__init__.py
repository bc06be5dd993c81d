"""Numbers from onnxruntime: sessions, taps, probes, and one pass over the data."""

from .exposing import expose
from .preparation import InstrumentedModel, build_stream, open_model, read_at_once
from .session import Session, open_session
from .stream import Stream
from .tap_accumulator import SiteBatchResult, TapAccumulator

__all__ = [
    "InstrumentedModel",
    "Session",
    "SiteBatchResult",
    "Stream",
    "TapAccumulator",
    "build_stream",
    "expose",
    "open_model",
    "open_session",
    "read_at_once",
]


def __dir__() -> list[str]:
    return sorted(__all__)
