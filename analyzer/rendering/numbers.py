"""How numbers are written for people: short, never rounding something to nothing or almost all to all."""

import math
from collections.abc import Callable

from ..values.estimate import Estimate
from ..values.plain_data import Value

MISSING = "-"
SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
Exact = Callable[[int], str] | Callable[[float], str]


def count(value: int) -> str:
    """A whole number with thousands marked.

    >>> count(1048576)
    '1,048,576'
    """
    return f"{value:,}"


def share(value: float) -> str:
    """A share in three decimals; 0 and 1 stand for exactly none and all.

    >>> share(0.25), share(0.0), share(1e-9), share(1 - 1e-9), share(1.0)
    ('0.250', '0', '<0.001', '>0.999', '1')
    """
    if value in {0, 1}:
        return f"{value:.0f}"
    if 0 < value < 0.001:
        return "<0.001"
    if 0.999 < value < 1:
        return ">0.999"
    return f"{value:.3f}"


def decimals(places: int) -> Callable[[float], str]:
    """A writer of numbers with so many decimals.

    >>> decimals(1)(12345.678)
    '12,345.7'
    """
    return lambda value: f"{value:,.{places}f}"


def estimate(value: Estimate, *, places: int, between: str = "") -> str:
    """An estimate, `~value±error`, to the first digit of its error but at most so many decimals; errors round up.

    From 10,000 on both parts are in thousands (k), millions (M) or billions (G).

    >>> estimate(Estimate(1234567.0, 4321.0), places=3)
    '~1.235M±0.005M'
    >>> estimate(Estimate(9.8765, 0.0123), places=2)
    '~9.88±0.02'
    """
    size = max(abs(value.value), value.error)
    scale, letter = next(((scale, letter) for scale, letter in SCALES if size >= max(scale, 1e4)), (1.0, ""))
    most = 3 if letter else places
    error = value.error / scale
    needed = -math.floor(math.log10(error)) if error > 0 else most
    shown = min(max(needed, 0), most)
    up = math.ceil(error * 10**shown * (1 - 1e-9)) / 10**shown
    return f"~{value.value / scale:.{shown}f}{letter}{between}±{up:.{shown}f}{letter}"


def number(value: Value) -> float | None:
    """Any number of a report as a float: a list is its length, an estimate its value; None where there is none."""
    if isinstance(value, tuple):
        return float(len(value))
    if isinstance(value, int | float | Estimate):
        return float(value)
    return None


def written(value: Value, exact: Exact, *, places: int, between: str = "") -> str:
    """Any number of a report; a list is written as its length, a value that is not defined as a dash."""
    if value is None:
        return MISSING
    if isinstance(value, Estimate):
        return estimate(value, places=places, between=between)
    if isinstance(value, tuple):
        return count(len(value))
    if isinstance(value, int | float):
        return exact(value)  # type: ignore[arg-type]
    return str(value)
