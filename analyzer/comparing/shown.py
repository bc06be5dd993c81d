"""A report whose table is a sheet: shown as text, in a terminal, in a notebook and as a page."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from ..report import html_page, sheet
from ..report.report import Report

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from ..report.sheet import Sheet


class ShownReport(Report, ABC):
    """A report that shows itself by its sheet; what the sheet holds is said by who derives from it."""

    @abstractmethod
    def sheet(self) -> "Sheet":
        """What is shown."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.sites, dict(self.network), dict(self.made), self.notes, self.not_analysable)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.sites)} sites of {self.made.get('model', 'several models')})"

    def __str__(self) -> str:
        """The table as plain text, at most 100 columns."""
        return sheet.as_text(self.sheet())

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return html_page.sheet_to_snippet(self.sheet())

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield from sheet.renderables(self.sheet(), width=options.max_width)

    def to_html(self) -> str:
        """All of it as one self-contained page."""
        return html_page.sheet_to_page(self.sheet())
