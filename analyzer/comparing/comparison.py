"""The comparison of two states of a network: what changed, by site and for the whole, as frozen plain data."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ..rendering import comparison_sheet, csv_file, sheet, sheet_page
from ..rendering.written import write_all
from ..report import Report, SiteReport
from .contrast import Contrasts
from .telling import notes_on, of_network, of_pair, of_site, of_state, refused, seen_sites

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

NAMES = ("comparison.json", "units.csv", "comparison.html")
PAIR = (0, 1)


class Comparison(Report):
    """What changed from one model to another on the same data: a report, its values listed in docs/compare.md.

    >>> from relucid import compare, demo
    >>> same = compare(demo.model(), demo.model(), demo.data(), limit=10)
    >>> same.mean_distance, same["hidden.relu"].weighted_jaccard
    (0.0, 1.0)
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return Comparison, (self.sites, dict(self.network), dict(self.made), self.notes, self.not_analysable)

    def __repr__(self) -> str:
        return f"Comparison({len(self.sites)} sites of {self.made.get('model', 'two models')})"

    def __str__(self) -> str:
        """The table as plain text, at most 100 columns."""
        return sheet.as_text(comparison_sheet.of_comparison(self))

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return sheet_page.snippet(comparison_sheet.of_comparison(self))

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield from sheet.renderables(comparison_sheet.of_comparison(self), width=options.max_width)

    def to_html(self) -> str:
        """The comparison as one self-contained page."""
        return sheet_page.page(comparison_sheet.of_comparison(self))

    def save(self, folder: str | Path) -> tuple[Path, Path, Path]:
        """Write comparison.json, units.csv and comparison.html into the folder, each whole or not at all.

        Args:
            folder: made if it does not exist.

        Returns:
            the three paths, in that order.

        Raises:
            OptionError: the folder cannot be written to.
        """
        texts = dict(zip(NAMES, (self.to_json(), csv_file.encode(self), self.to_html()), strict=True))
        comparison_json, units_csv, comparison_html = write_all(Path(folder), texts)
        return comparison_json, units_csv, comparison_html

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a comparison back from its comparison.json, or from the folder that holds it; equal to the one saved.

        Raises:
            DataError: no such file, not a comparison, or damaged.
        """
        path = Path(path)
        return super().load(path / NAMES[0] if path.is_dir() else path)


def compared(contrasts: Contrasts) -> Comparison:
    """The comparison of the first state with the second: pure formulas over statistics, nothing else."""
    seen, sites = seen_sites(contrasts), []
    for contrast in seen:
        before, after = (of_state(found) for found in contrast.states)
        values = {
            **of_site(contrast),
            **of_pair(contrast, PAIR),
            **{f"{name}_before": value for name, value in before.items()},
            **{f"{name}_after": value for name, value in after.items()},
        }
        sites.append(SiteReport(contrast.match.name, contrast.match.kind, values))
    changed = {contrast.match.name: contrast.changes[PAIR] for contrast in seen}
    network = {"samples": contrasts.samples, **(of_network(changed) if changed else {})}
    return Comparison(tuple(sites), network, contrasts.made, notes_on(contrasts), refused(contrasts))
