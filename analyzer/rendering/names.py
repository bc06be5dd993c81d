"""Names from files nobody vouches for: made printable, and short without two of them becoming the same."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain, takewhile

from rich.cells import cell_len


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
