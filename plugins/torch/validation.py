"""Checks of option values: each raises an OptionError that says what was expected."""

from collections.abc import Callable, Sequence
from math import inf, isfinite, nan
from numbers import Integral, Real
from typing import Any, get_args

from ...analyzer.errors import OptionError


def check_number(name: str, value: Any, *, least: float = -inf, most: float = inf) -> float:
    """Return a finite number from `least` to `most` as a float.

    >>> check_number("strength", 1, least=0)
    1.0
    """
    real = float(value) if isinstance(value, Real) and not isinstance(value, bool) else nan
    if not (isfinite(real) and least <= real <= most):
        ends = [f"from {least:g}" if least > -inf else "", f"to {most:g}" if most < inf else ""]
        raise OptionError(f"{name}: expected a number{''.join(f' {end}' for end in ends if end)}, got {value!r}")
    return real


def check_count(name: str, value: Any, *, least: int = 1) -> int:
    """Return an integer that is at least `least`.

    >>> check_count("every", 100)
    100
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise OptionError(f"{name}: expected an integer of at least {least}, got {value!r}")
    return int(value)


def check_choice(name: str, value: Any, literal: Any) -> None:
    """Check that a value is one of the strings of a Literal.

    >>> from typing import Literal
    >>> check_choice("ties", "one", Literal["one", "shared"])
    """
    if value not in get_args(literal):
        raise OptionError(f"{name}: expected one of {', '.join(get_args(literal))}, got {value!r}")


def check_choices(name: str, values: Any, literal: Any) -> None:
    """Check that a sequence holds strings of a Literal, at least one.

    >>> from typing import Literal
    >>> check_choices("axes", ("unit",), Literal["unit", "point"])
    """
    is_sequence = isinstance(values, Sequence) and not isinstance(values, str)
    if not is_sequence or not values or any(value not in get_args(literal) for value in values):
        raise OptionError(f"{name}: expected a tuple with some of {', '.join(get_args(literal))}, got {values!r}")


def check_callable(name: str, value: Any) -> Callable[..., Any] | None:
    """Return a callable or None.

    >>> check_callable("log", print) is print
    True
    """
    if value is not None and not callable(value):
        raise OptionError(f"{name}: expected a callable or None, got {value!r}")
    return value  # type: ignore[no-any-return]
