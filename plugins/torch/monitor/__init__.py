"""Monitor the sites of a network while it is trained, in windows of forward passes."""

from .loggers import CsvLog, LiveTable, TensorBoardLog, scalars
from .monitor import Log, Monitor
from .snapshots import snapshot

__all__ = ["CsvLog", "LiveTable", "Log", "Monitor", "TensorBoardLog", "scalars", "snapshot"]


def __dir__() -> list[str]:
    return sorted(__all__)
