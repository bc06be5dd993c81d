"""Dry runs: forward passes that are undone afterwards and do not count as training."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_running: ContextVar[tuple[object, dict[object, Any]] | None] = ContextVar("relucid_dry_run", default=None)
"""The observer that started the dry run, and the dictionary of `dry_run_cache`."""


@contextmanager
def dry_run(observer: object) -> Iterator[None]:
    """Run the forward passes of this context as a dry run, of which captures notify this observer alone.

    Captures made with `dry_runs=True` notify their observers too.

    >>> with dry_run("probe"):
    ...     is_hidden_from("probe"), is_hidden_from("monitor")
    (False, True)
    >>> is_hidden_from("monitor")
    False
    """
    token = _running.set((observer, {}))
    try:
        yield
    finally:
        _running.reset(token)


def dry_run_cache() -> dict[object, Any] | None:
    """Return a dictionary, keyed by observer, that lasts as long as the current dry run; None outside of one."""
    running = _running.get()
    return None if running is None else running[1]


def is_hidden_from(observer: object) -> bool:
    """Whether the current forward pass is a dry run of another observer."""
    running = _running.get()
    return running is not None and running[0] is not observer
