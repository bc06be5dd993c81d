"""The report of an analysis: its data, and how it is shown, saved and loaded."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..atomic_write import write_all
from . import html_page, serialize
from .data import ReportData, SiteReport
from .sheet import Sheet, report_sheet

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["Report", "SiteReport"]


@dataclass(frozen=True, eq=False, repr=False)
class Report(ReportData):
    """The results of a model on data: sites in order of depth, the network as a whole, and the provenance.

    Args:
        sites: one report per analysed site, in order of depth, names unique.
        network: values of the whole network by name; each is an attribute too.
        provenance: how the numbers were computed (model, sha256, onnxruntime, provider, measures, capacity ...).
        notes: caveats to read before trusting the numbers.
        not_analysable: (name, kind, reason) of each site that could not be analysed.

    Raises:
        ValueError: two sites have the same name.

    >>> report = Report((SiteReport("act", "relu", {"dead_units": (4,)}),), network={"accuracy": 0.75})
    >>> report["act"].dead_units, report.accuracy
    ((4,), 0.75)
    """

    FILES: ClassVar = ("report.json", "units.csv", "report.html")
    """File names that `save` writes."""

    @property
    def made(self) -> Mapping[str, Any]:
        """Deprecated name of `provenance`."""
        warnings.warn("Report.made is now called Report.provenance", DeprecationWarning, stacklevel=2)
        return self.provenance

    def _sheet(self) -> Sheet:
        """The table with its title, lines and notes."""
        return report_sheet(self)

    def __str__(self) -> str:
        """The table as plain text, at most 100 columns."""
        from .table import as_text  # noqa: PLC0415 - rich is slow to import

        return as_text(self._sheet())

    def _repr_html_(self) -> str:
        """The HTML a notebook shows."""
        return html_page.sheet_to_snippet(self._sheet())

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from .table import renderables  # noqa: PLC0415 - rich is slow to import

        yield from renderables(self._sheet(), width=options.max_width)

    def to_json(self) -> str:
        """Return the whole report as strict JSON; docs/report.md has the schema."""
        return serialize.report_to_json(self)

    def to_csv(self) -> str:
        """Return the values of single units as one CSV table."""
        return serialize.units_to_csv(self)

    def to_html(self) -> str:
        """Return the report as one self-contained page."""
        return html_page.report_to_page(self)

    def save(self, folder: str | Path) -> tuple[Path, ...]:
        """Write JSON, CSV and HTML files named `FILES` into the folder, each atomically.

        Args:
            folder: created if it does not exist.

        Returns:
            The three paths, in that order.

        Raises:
            OptionError: the folder cannot be written to.
        """
        texts = (self.to_json(), self.to_csv(), self.to_html())
        return write_all(Path(folder), dict(zip(self.FILES, texts, strict=True)))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a saved report from its JSON file or from the folder with that file; it equals the saved one.

        Raises:
            DataError: the file does not exist, is not a report, is damaged, or has a newer schema.
        """
        data = serialize.read_report(Path(path), cls.FILES[0])
        return cls(data.sites, data.network, data.provenance, data.notes, data.not_analysable)
