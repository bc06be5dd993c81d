"""How numbers are written for people: short, never rounding something to nothing or almost all to all."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain, takewhile

from rich.cells import cell_len

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


def printable(text: str) -> str:
    r"""The text with every control, direction or otherwise invisible character as a visible escape.

    >>> printable("a\x1b[31mb\n")
    'a\\x1b[31mb\\n'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def middle(text: str, width: int) -> str:
    """The text in at most `width` terminal cells: its beginning, an ellipsis, and twice as much of its end.

    >>> middle("model.layers.10.mlp.act", 12)
    'mod….mlp.act'
    """
    if cell_len(text) <= width:
        return text
    head = _fitting(text, (width - 1) // 3)
    tail = _fitting(text[::-1], width - 1 - cell_len(head))[::-1]
    return f"{head}…{tail}"


def shortened(names: Sequence[str], width: int) -> list[str]:
    """Every name in at most `width` cells, different names different.

    Three tries, the next one only for names the last one made equal: the middle goes; what they all begin with goes;
    the name's number (counted from 1) stands at the end.

    Args:
        names: printable and unique.
        width: at least 2 cells more than the largest number needs.
    """
    short = [middle(name, width) for name in names]
    for group in _alike(short):
        alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*(names[i] for i in group), strict=False))
        start = names[group[0]].rfind(".", 0, sum(1 for _ in alike)) + 1
        for i in group:
            short[i] = middle("…" + names[i][start:], width) if start else short[i]
    while groups := _alike(short):
        for i in chain.from_iterable(groups):
            mark = f"#{i + 1}"
            short[i] = middle(names[i], width - len(mark)) + mark
    return short


def _fitting(text: str, width: int) -> str:
    """The longest beginning of the text that fits in so many cells."""
    end = max(0, min(len(text), width))
    while end and cell_len(text[:end]) > width:
        end -= 1
    return text[:end]


def _alike(short: Sequence[str]) -> list[list[int]]:
    """Groups of two and more indices whose short names are equal."""
    twice = {name for name, times in Counter(short).items() if times > 1}
    groups: dict[str, list[int]] = {}
    for i, name in enumerate(short):
        if name in twice:
            groups.setdefault(name, []).append(i)
    return list(groups.values())
