"""Creates and saves matplotlib figures; matplotlib is imported only when one is drawn."""

from pathlib import Path
from typing import Any

from ...analyzer.atomic_write import write_atomically
from ...analyzer.errors import import_optional


def new_figure(width: float, height: float, *, title: str) -> Any:
    """Create a matplotlib figure with a title.

    Args:
        width: width in inches.
        height: height in inches.
        title: title above all panels.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figures = import_optional("matplotlib.figure", package="matplotlib", task="drawing")
    figure = figures.Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title)
    return figure


def save_figure(figure: Any, path: Path, *, dpi: int) -> None:
    """Write the figure atomically as a png file."""
    with write_atomically(path) as part:
        figure.savefig(part, format="png", dpi=dpi)
