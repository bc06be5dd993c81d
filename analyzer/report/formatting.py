"""Numbers and names as short text: a share above 0 is never shown as 0, one below 1 never as 1."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain, takewhile

from rich.cells import cell_len

from ..values.estimate import Estimate
from ..values.plain_data import Value

MISSING = "-"
SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
Formatter = Callable[[int], str] | Callable[[float], str]


def count(value: int) -> str:
    """Format an integer with thousands separators.

    >>> count(1048576)
    '1,048,576'
    """
    return f"{value:,}"


def share(value: float) -> str:
    """Format a share with three decimals; only exactly 0 and 1 are shown as 0 and 1.

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
    """Return a function that formats numbers with this many decimals.

    >>> decimals(1)(12345.678)
    '12,345.7'
    """
    return lambda value: f"{value:,.{places}f}"


def estimate(value: Estimate, *, places: int, between: str = "") -> str:
    """Format an estimate as `~value±error`, to the first digit of its error, which is rounded up.

    From 10,000 on both parts are in thousands (k), millions (M) or billions (G).

    Args:
        value: the estimate.
        places: maximum number of decimals below 10,000.
        between: text between value and error.

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
    """Return a number of a report as a float: the length of a list, the value of an estimate; else None."""
    if isinstance(value, tuple):
        return float(len(value))
    if isinstance(value, int | float | Estimate):
        return float(value)
    return None


def format_value(value: Value, exact: Formatter, *, places: int, between: str = "") -> str:
    """Format any value of a report: a list as its length, an undefined value as a dash, an exact number by `exact`."""
    if value is None:
        return MISSING
    if isinstance(value, Estimate):
        return estimate(value, places=places, between=between)
    if isinstance(value, tuple):
        return count(len(value))
    if isinstance(value, int | float):
        return exact(value)  # type: ignore[arg-type]
    return str(value)


def printable(text: str) -> str:
    r"""Return the text with every control, direction or otherwise invisible character escaped.

    >>> printable("a\x1b[31mb\n")
    'a\\x1b[31mb\\n'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def truncate_middle(text: str, width: int) -> str:
    """Truncate the text to `width` terminal cells: its beginning, an ellipsis, and twice as much of its end.

    >>> truncate_middle("model.layers.10.mlp.act", 12)
    'mod….mlp.act'
    """
    if cell_len(text) <= width:
        return text
    head = _take_width(text, (width - 1) // 3)
    tail = _take_width(text[::-1], width - 1 - cell_len(head))[::-1]
    return f"{head}…{tail}"


def shorten_names(names: Sequence[str], width: int) -> list[str]:
    """Truncate every name to `width` cells so that different names stay different.

    Three attempts, each only for names that the previous one made equal: remove the middle; remove the common prefix;
    append the name's number, counted from 1.

    Args:
        names: printable and unique.
        width: at least 2 cells more than the largest number needs.
    """
    short = [truncate_middle(name, width) for name in names]
    for group in _group_equal(short):
        common = takewhile(lambda letters: len(set(letters)) == 1, zip(*(names[i] for i in group), strict=False))
        start = names[group[0]].rfind(".", 0, sum(1 for _ in common)) + 1
        for i in group:
            short[i] = truncate_middle("…" + names[i][start:], width) if start else short[i]
    while groups := _group_equal(short):
        for i in chain.from_iterable(groups):
            mark = f"#{i + 1}"
            short[i] = truncate_middle(names[i], width - len(mark)) + mark
    return short


def _take_width(text: str, width: int) -> str:
    """Return the longest prefix of the text that is at most `width` cells wide."""
    end = max(0, min(len(text), width))
    while end and cell_len(text[:end]) > width:
        end -= 1
    return text[:end]


def _group_equal(short: Sequence[str]) -> list[list[int]]:
    """Return the indices of equal names, in groups of two and more."""
    twice = {name for name, times in Counter(short).items() if times > 1}
    groups: dict[str, list[int]] = {}
    for i, name in enumerate(short):
        if name in twice:
            groups.setdefault(name, []).append(i)
    return list(groups.values())
