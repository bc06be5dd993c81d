"""What was given for an option, checked: what cannot be meant is one line that says what was wanted and what came."""

from collections.abc import Callable, Sequence
from math import inf, isfinite, nan
from numbers import Integral, Real
from typing import Any, get_args

from ...analyzer.errors import OptionError


def number(name: str, value: Any, *, least: float = -inf, most: float = inf) -> float:
    """A finite number from `least` to `most`.

    >>> number("strength", 1, least=0)
    1.0
    """
    real = float(value) if isinstance(value, Real) and not isinstance(value, bool) else nan
    if not (isfinite(real) and least <= real <= most):
        ends = [f"from {least:g}" if least > -inf else "", f"to {most:g}" if most < inf else ""]
        raise OptionError(f"{name}: wanted a number{''.join(f' {end}' for end in ends if end)}, got {value!r}")
    return real


def count(name: str, value: Any, *, least: int = 1) -> int:
    """A whole number, at least `least`.

    >>> count("every", 100)
    100
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise OptionError(f"{name}: wanted a whole number from {least} on, got {value!r}")
    return int(value)


def choice(name: str, value: Any, known: Any) -> None:
    """One of the strings of a Literal.

    >>> from typing import Literal
    >>> choice("ties", "one", Literal["one", "shared"])
    """
    if value not in get_args(known):
        raise OptionError(f"{name}: wanted {', '.join(get_args(known))}, got {value!r}")


def choices(name: str, values: Any, known: Any) -> None:
    """Some of the strings of a Literal, at least one.

    >>> from typing import Literal
    >>> choices("axes", ("unit",), Literal["unit", "point"])
    """
    several = isinstance(values, Sequence) and not isinstance(values, str)
    if not several or not values or any(value not in get_args(known) for value in values):
        raise OptionError(f"{name}: wanted a tuple of some of {', '.join(get_args(known))}, got {values!r}")


def function(name: str, value: Any) -> Callable[..., Any] | None:
    """Something that can be called, or None.

    >>> function("log", print) is print
    True
    """
    if value is not None and not callable(value):
        raise OptionError(f"{name}: wanted a function, got {value!r}")
    return value  # type: ignore[no-any-return]
