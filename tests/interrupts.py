"""Ctrl-C at a chosen call."""

from collections.abc import Callable
from itertools import count
from typing import Any


def broken_off(call: Callable[..., Any], *, at: int) -> Callable[..., Any]:
    """Wrap a function so that its `at`-th call raises KeyboardInterrupt instead.

    >>> first = broken_off(abs, at=2)
    >>> first(-1)
    1
    """
    calls = count(1)

    def interruptible(*args: Any, **options: Any) -> Any:
        if next(calls) == at:
            raise KeyboardInterrupt
        return call(*args, **options)

    return interruptible
