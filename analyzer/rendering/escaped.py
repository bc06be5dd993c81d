"""Untrusted text in HTML: escaped, printable, and its writing direction kept inside."""

from collections.abc import Iterable
from html import escape

from .names import printable


def text(words: str) -> str:
    """The words as a run of their own.

    >>> text("<b>")
    '<bdi>&lt;b&gt;</bdi>'
    """
    return f"<bdi>{escape(printable(words))}</bdi>"


def row(tag: str, cells: Iterable[str]) -> str:
    """A row of a table, its cells of one kind.

    >>> row("th", ["site"])
    '<tr><th><bdi>site</bdi></th></tr>'
    """
    return f"<tr>{''.join(f'<{tag}>{text(cell)}</{tag}>' for cell in cells)}</tr>"
