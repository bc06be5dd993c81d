"""Ctrl-C at a time of the test's choosing."""

from collections.abc import Callable
from itertools import count
from typing import Any


def broken_off(call: Callable[..., Any], *, at: int) -> Callable[..., Any]:
    """The same call, but where it comes for the `at`-th time: there the signal arrives before it does anything.

    >>> first = broken_off(abs, at=2)
    >>> first(-1)
    1
    """
    times = count(1)

    def breaks(*given: Any, **options: Any) -> Any:
        if next(times) == at:
            raise KeyboardInterrupt
        return call(*given, **options)

    return breaks
