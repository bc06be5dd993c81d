"""The comparison of two states of a network: what changed, by site and for the whole, as frozen plain data."""

from typing import ClassVar

from ..rendering import comparison_sheet
from ..report.report import SiteReport
from ..report.sheet import Sheet
from .contrast import Contrasts
from .shown import ShownReport
from .telling import notes_on, of_network, of_pair, of_site, of_state, refused, seen_sites

PAIR = (0, 1)


class Comparison(ShownReport):
    """What changed from one model to another on the same data: a report, its values listed in docs/compare.md.

    >>> from relucid import compare, demo
    >>> same = compare(demo.model(), demo.model(), demo.data(), limit=10)
    >>> same.mean_distance, same["hidden.relu"].weighted_jaccard
    (0.0, 1.0)
    """

    FILES: ClassVar = ("comparison.json", "units.csv", "comparison.html")

    def sheet(self) -> Sheet:
        """What is shown."""
        return comparison_sheet.of_comparison(self)


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
