"""What rich prints, as plain text of at most 100 columns, the same whether anybody watches or not."""

import io
from collections.abc import Iterable

from rich.console import Console, RenderableType

WIDTH = 100


def printed(parts: Iterable[RenderableType]) -> str:
    r"""The parts one below the other, without colours and without blanks at the ends of lines.

    >>> printed(["one  ", "two"])
    'one\ntwo'
    """
    page = io.StringIO()
    console = Console(
        file=page, width=WIDTH, color_system=None, force_terminal=False, force_jupyter=False, legacy_windows=False
    )
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())
