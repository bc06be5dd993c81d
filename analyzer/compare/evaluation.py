"""Values of a comparison: of each state, and of the changes between two states, as pure functions of statistics."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..measures import changes, pattern_counts, vanishing_nodes
from ..measures.change import frequent_jaccard
from ..measures.jumpstart import units
from ..measures.pattern_temperature import (
    clipping_temperature,
    decisions,
    mean_temperature,
    network_distance,
    temperature,
)
from ..report.evaluation import guessed_axes_note, omitted_vni_note
from ..sites import GUESS
from ..stats import Changes, CoMoment, Patterns, Statistic, UnitRanges
from ..values.estimate import Estimate
from ..values.plain_data import Value
from .site_changes import NetworkChanges, Pair, SiteChanges

STATE_VALUES = ("patterns", "entropy", "relative_entropy", "vni", "dead_units", "dead_unit_ratio")
SIMILARITIES = ("weighted_jaccard", "jaccard", "frequent_jaccard")
PAIR_VALUES_OF_EQUAL_STATES = {"distance": 0.0, "temperature": 0.0, **dict.fromkeys(SIMILARITIES, 1.0)}
NETWORK_VALUES_OF_EQUAL_STATES = {"mean_distance": 0.0, "network_temperature": 0.0, "mean_temperature": 0.0}


def shared_values(site: SiteChanges) -> dict[str, Value]:
    """Values of a site that are the same in all states: units, samples, positions."""
    ranges: UnitRanges = site.states[0][UnitRanges]
    positions = ranges.count / ranges.samples
    return {
        "units": int(ranges.low.size),
        "samples": ranges.samples,
        "positions": int(positions) if positions.is_integer() else positions,
        "nonfinite_samples": site.nonfinite.samples,
    }


def state_values(statistics: Mapping[type[Statistic], Any]) -> dict[str, Value]:
    """Values of a site in one state, named in `STATE_VALUES`."""
    moments: CoMoment | None = statistics.get(CoMoment)
    values = {
        **pattern_counts.patterns(statistics[Patterns]),
        **units(statistics[UnitRanges]),
        "vni": None if moments is None else vanishing_nodes.vni(moments.covariance),
    }
    return {name: values[name] for name in STATE_VALUES}


def pair_values(site: SiteChanges, pair: Pair) -> dict[str, Value]:
    """Changes of a site from one state to another: distance, temperature, flips and similarities of the patterns."""
    before, after = (site.states[number][Patterns] for number in pair)
    return {
        **decisions(site.changes[pair]),
        **changes(before, after),
        "frequent_jaccard": frequent_jaccard(before, after),
    }


def network_values(by_site: Mapping[str, Changes]) -> dict[str, Value]:
    """Distance and temperature of the whole network.

    P is the mean distance of the sites, and the network's temperature is that of P. In the mean of the sites'
    temperatures an infinite one is clipped; `clipped_sites` names those sites.

    Args:
        by_site: changes of each site, by its name.
    """
    D = {name: each.different / each.count for name, each in by_site.items()}
    P = network_distance(list(D.values()))
    return {
        "mean_distance": P,
        "network_temperature": temperature(P),
        "mean_temperature": mean_temperature(
            list(D.values()), most=[clipping_temperature(each.count) for each in by_site.values()]
        ),
        "clipped_sites": tuple(name for name, distance in D.items() if distance == 1),
    }


def mean(values: Sequence[Value]) -> Value:
    """The mean over sites of a value; None if a site has none.

    >>> mean([1, 2.0]), mean([1.0, None])
    (1.5, None)
    >>> mean([Estimate(1.0, 0.3), Estimate(2.0, 0.4)])
    Estimate(value=1.5, error=0.25)
    """
    known = [float(value) for value in values if isinstance(value, int | float | Estimate)]
    if len(known) < len(values) or not known:
        return None
    average = float(np.mean(known))
    errors = [value.error for value in values if isinstance(value, Estimate)]
    return Estimate(average, float(np.hypot.reduce(errors)) / len(known)) if errors else average


def list_excluded(network: NetworkChanges) -> tuple[tuple[str, str, str], ...]:
    """(name, kind, reason) of every site without values."""
    excluded = (site for site in network.sites if not site.states[0])
    return tuple((site.name, site.kind, _explain(site)) for site in excluded) + network.not_analysable


def _explain(site: SiteChanges) -> str:
    nonfinite = site.nonfinite
    if not nonfinite.samples:
        return "it received no values on this data"
    return f"all {nonfinite.samples} samples have a NaN or an infinity in some model: {nonfinite.values} such values"


def list_notes(network: NetworkChanges) -> tuple[str, ...]:
    """Notes that qualify the values: samples that are not finite, guessed unit axes, omitted VNI."""
    notes, compared = list(network.notes), network.compared_sites
    for site in compared:
        nonfinite = site.nonfinite
        if nonfinite.samples:
            notes.append(
                f"{site.name}: {nonfinite.values} pre-activations are NaN or infinite, in {nonfinite.samples} samples "
                f"(first: {nonfinite.first}); values of this site exclude samples that are not finite in every model."
            )
    if guessed := [each.name for each in compared if any(site.rule == GUESS for site in each.sites)]:
        notes.append(guessed_axes_note(guessed))
    if large := [site.name for site in compared if CoMoment not in site.states[0]]:
        notes.append(omitted_vni_note(large, network.provenance["squares"]))
    return tuple(notes)
