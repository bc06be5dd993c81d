"""What an adapter carries: a separation, a monitor, or both, with one state and the end of an epoch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...analyzer.errors import OptionError
from ..torch import Separation
from ..torch.monitor.loggers import Scalar
from ..torch.monitor.monitor import Log, Monitor


@dataclass(frozen=True)
class Lent:
    """A log that belongs to a trainer: the next trainer's takes its place.

    Args:
        log: what is called.
    """

    log: Log

    def __call__(self, values: dict[str, Scalar], step: int) -> None:
        """Write one row."""
        self.log(values, step)


class Parts:
    """Both plugins, each of which may be None.

    Args:
        separation: made for the model that is trained.
        monitor: made for the same model.

    Raises:
        OptionError: one of them is something else.

    >>> Parts(None, None).state_dict()
    {}
    """

    def __init__(self, separation: Separation | None, monitor: Monitor | None) -> None:
        for name, part, kind in (("separation", separation, Separation), ("monitor", monitor, Monitor)):
            if part is not None and not isinstance(part, kind):
                raise OptionError(f"{name}: wanted a {kind.__name__} made for the model, got {part!r}")
        self.separation = separation
        self.monitor = monitor

    def log_by(self, log: Log | None) -> None:
        """Lend the monitor a log, unless it has one of its own; one that was lent before is given back."""
        if self.monitor is not None and (self.monitor.log is None or isinstance(self.monitor.log, Lent)):
            self.monitor.log = None if log is None else Lent(log)

    def end_epoch(self) -> None:
        """End a window that is an epoch."""
        if self.monitor is not None and self.monitor.window == "epoch":
            self.monitor.end_window()

    def state_dict(self) -> dict[str, Any]:
        """States of both by name."""
        both = {"separation": self.separation, "monitor": self.monitor}
        return {name: part.state_dict() for name, part in both.items() if part is not None}

    def load_state_dict(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on where the states were taken; what is not among them starts anew."""
        if self.separation is not None and "separation" in states:
            self.separation.load_state_dict(states["separation"])
        if self.monitor is not None and "monitor" in states:
            self.monitor.load_state_dict(states["monitor"])
