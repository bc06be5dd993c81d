"""The file of a state: what a run goes on from, and where it saves what it has seen."""

from collections.abc import Callable
from pathlib import Path

from .errors import OptionError
from .state import State


def before(path: Path | None, *, resume: bool) -> State | None:
    """The state to go on from; None where there is none yet, or the run is to start anew.

    Raises:
        OptionError: it is to go on, and no file is named.
        StateError: the file is not a state, or is damaged.

    >>> before(None, resume=False) is None
    True
    """
    if resume and path is None:
        raise OptionError("resume goes on from a state: name its file with --state")
    return State.load(path) if resume and path is not None and path.exists() else None


def saver(path: Path | None) -> Callable[[State], None] | None:
    """What saves a state in the file, if one is named."""
    return None if path is None else lambda state: state.save(path)
