"""From what sites showed in several states to values: of each state, and of what changed between two."""

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
from ..sites import GUESS
from ..stats import Changes, CoMoment, Patterns, Statistic, UnitRanges
from ..values.estimate import Estimate
from ..values.plain_data import Value
from .site_changes import Contrast, Contrasts, Pair

OF_STATE = ("patterns", "entropy", "relative_entropy", "vni", "dead_units", "dead_unit_ratio")
SIMILAR = ("weighted_jaccard", "jaccard", "frequent_jaccard")


def of_site(contrast: Contrast) -> dict[str, Value]:
    """What all states of a site share: units, positions, and how many samples were left out."""
    extents: UnitRanges = contrast.states[0][UnitRanges]
    positions = extents.count / extents.samples
    return {
        "units": int(extents.low.size),
        "samples": extents.samples,
        "positions": int(positions) if positions.is_integer() else positions,
        "nonfinite_samples": contrast.nonfinite.samples,
    }


def of_state(found: Mapping[type[Statistic], Any]) -> dict[str, Value]:
    """The values of one state, those named in `OF_STATE`."""
    moments: CoMoment | None = found.get(CoMoment)
    values = {
        **pattern_counts.patterns(found[Patterns]),
        **units(found[UnitRanges]),
        "vni": None if moments is None else vanishing_nodes.vni(moments.covariance),
    }
    return {name: values[name] for name in OF_STATE}


def of_pair(contrast: Contrast, pair: Pair) -> dict[str, Value]:
    """What changed from one state to another: distance, temperature, flips, and how the patterns overlap."""
    before, after = (contrast.states[number][Patterns] for number in pair)
    return {
        **decisions(contrast.changes[pair]),
        **changes(before, after),
        "frequent_jaccard": frequent_jaccard(before, after),
    }


def of_itself() -> dict[str, Value]:
    """What a state is to itself, without counting."""
    return {"distance": 0.0, "temperature": 0.0, **dict.fromkeys(SIMILAR, 1.0)}


def of_network(changed: Mapping[str, Changes]) -> dict[str, Value]:
    """Distance and temperature of the whole network, from those of its sites by name.

    P is the mean distance and the temperature that of P. In the mean of the sites' own temperatures an infinite one
    is clipped; `clipped_sites` names these sites.
    """
    D = {name: each.different / each.count for name, each in changed.items()}
    P = network_distance(list(D.values()))
    return {
        "mean_distance": P,
        "network_temperature": temperature(P),
        "mean_temperature": mean_temperature(
            list(D.values()), most=[clipping_temperature(each.count) for each in changed.values()]
        ),
        "clipped_sites": tuple(name for name, distance in D.items() if distance == 1),
    }


def mean(values: Sequence[Value]) -> Value:
    """The mean over sites of a number that each has; None where one has none.

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


def seen_sites(contrasts: Contrasts) -> tuple[Contrast, ...]:
    """The sites through which finite samples came."""
    return tuple(each for each in contrasts.sites if each.states[0])


def refused(contrasts: Contrasts) -> tuple[tuple[str, str, str], ...]:
    """(name, kind, reason) of every place of which nothing can be told."""
    unseen = (each for each in contrasts.sites if not each.states[0])
    rows = tuple((each.match.name, each.match.kind, _nothing_finite(each)) for each in unseen)
    return rows + contrasts.not_analysable


def _nothing_finite(contrast: Contrast) -> str:
    spoilt = contrast.nonfinite
    if not spoilt.samples:
        return "no value came through it on this data"
    return f"all {spoilt.samples} samples have a NaN or an infinity there in some model: {spoilt.values} such values"


def notes_on(contrasts: Contrasts) -> tuple[str, ...]:
    """What a reader must know before trusting the numbers."""
    notes, seen = list(contrasts.notes), seen_sites(contrasts)
    for each in seen:
        spoilt = each.nonfinite
        if spoilt.samples:
            notes.append(
                f"{each.match.name}: {spoilt.values} pre-activations are NaN or infinite, in {spoilt.samples} samples "
                f"(first: {spoilt.first}); samples that are not finite in every model are left out of this site."
            )
    guessed = [each.match.name for each in seen if any(site.rule == GUESS for site in each.match.sites)]
    if guessed:
        notes.append(
            f"The unit axis is a guess where nothing is known of what made the values: {_some(guessed)}; see `relucid "
            "sites`, set it with --unit-axis."
        )
    large = [each.match.name for each in seen if CoMoment not in each.states[0]]
    if large:
        notes.append(
            f"VNI left out where a site has more than {contrasts.provenance['squares']} units: {_some(large)}; raise "
            "it with --squares."
        )
    return tuple(notes)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (" ..." if len(names) > 4 else "")
