"""Rehearsal: forwards that are tried and taken back, so that they are no part of the training which others watch."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_running: ContextVar["Rehearsal | None"] = ContextVar("relucid_rehearsal", default=None)


class Rehearsal:
    """One of them.

    Args:
        watcher: who tries, and is told of the forwards.
    """

    def __init__(self, watcher: object) -> None:
        self.watcher = watcher
        self.kept: dict[object, Any] = {}
        """What others keep of its forwards, by who keeps it; gone when it ends."""


@contextmanager
def rehearsal(watcher: object) -> Iterator[None]:
    """What is run in this context is a rehearsal; the captures of a model tell this watcher of it and no other.

    >>> with rehearsal("probe"):
    ...     hidden_from("probe"), hidden_from("monitor")
    (False, True)
    >>> hidden_from("monitor")
    False
    """
    token = _running.set(Rehearsal(watcher))
    try:
        yield
    finally:
        _running.reset(token)


def rehearsing() -> Rehearsal | None:
    """The rehearsal that is running, if there is one."""
    return _running.get()


def hidden_from(watcher: object) -> bool:
    """Whether what runs now is a rehearsal of another watcher."""
    running = _running.get()
    return running is not None and running.watcher is not watcher
