"""From a state to a report: every measure whose statistics are there, every site, the network."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..measures import MEASURES, network, pattern_counts
from ..options import GLOBAL_PATTERNS
from ..sites import GUESS, Site
from ..state.analysis_state import State
from ..stats import CoMoment, Nonfinite, Patterns, PointTraces, UnitRanges
from ..stats.hits import Accuracy
from ..stats.nonfinite import NONE
from ..values.plain_data import Value
from .report import Report, SiteReport

MAX_NOTED_SITES = 4
"""Names of sites that a note lists."""


def build_report(state: State) -> Report:
    """The report of a state: pure formulas over its statistics, nothing else."""
    names = {site.name: site for site in state.sites}
    seen = {name: found for name, found in state.statistics.items() if UnitRanges.__name__ in found}
    chosen = set(state.provenance["measures"])
    reports = tuple(
        SiteReport(name, names[name].kind, site_values(names[name], found, chosen=chosen, samples=state.samples))
        for name, found in seen.items()
    )
    unseen = [
        (name, names[name].kind, _nothing_finite(found)) for name, found in state.statistics.items() if name not in seen
    ]
    return Report(
        sites=reports,
        network=_network_values(state, seen) | {"samples": state.samples},
        provenance=dict(state.provenance),
        notes=(*state.notes, *_notes(state, seen)),
        not_analysable=(*unseen, *((s.name, s.kind, s.reason) for s in state.sites if s.reason is not None)),
    )


def site_values(site: Site, found: Mapping[str, Any], *, chosen: Collection[str], samples: int) -> dict[str, Value]:
    """What is told of a site.

    Args:
        site: which.
        found: its statistics by the name of their kind; UnitRanges and Nonfinite at least.
        chosen: names of the measures wanted.
        samples: how many samples came to it.
    """
    extents: UnitRanges = found[UnitRanges.__name__]
    positions = extents.count / extents.samples
    values: dict[str, Value] = {
        "unit_axis": site.unit_axis,
        "units": int(extents.low.size),
        "samples": samples,
        "positions": int(positions) if positions.is_integer() else positions,
    }
    for measure in MEASURES:
        needed = [found.get(statistic.__name__) for statistic in measure.needs]
        if measure.name in chosen:
            values |= measure(*needed) if all(n is not None for n in needed) else _undefined(measure.name)
    if site.threshold:
        # The statistics count from the threshold, where the units switch; a reader wants z itself.
        values |= {"unit_low": extents.low + site.threshold, "unit_high": extents.high + site.threshold}
    spoilt: Nonfinite = found[Nonfinite.__name__]
    values["nonfinite_values"] = spoilt.values
    values["nonfinite_samples"] = spoilt.samples
    values["first_nonfinite"] = None if spoilt.first == NONE else spoilt.first
    return values


def network_values(extents: Mapping[str, UnitRanges], through: Sequence[str], fates: PointTraces) -> dict[str, Value]:
    """What is told of the network as a whole.

    Args:
        extents: of the sites that are told of, by their names.
        through: names of the sites the points were followed through, those with nothing to tell included.
        fates: what became of the points there.
    """
    told = np.array([name in extents for name in through])
    fates = replace(fates, first_dead=fates.first_dead[told], linear_so_far=fates.linear_so_far[told])
    return network({name: extents[name] for name in through if name in extents}, fates)


def guessed_axes_note(sites: Sequence[str]) -> str:
    """Return the note on sites, by name, whose unit axis is a guess."""
    return (
        f"The unit axis is a guess at sites whose values come from an unknown operator: {_join_names(sites)}; check it "
        "with `relucid sites` and set it with --unit-axis."
    )


def omitted_vni_note(sites: Sequence[str], limit: int) -> str:
    """Return the note on sites, by name, with more units than the limit for VNI."""
    return (
        f"VNI is not computed for a site with more than {limit} units, since a covariance matrix has units^2 entries: "
        f"{_join_names(sites)}; raise the limit with --squares."
    )


def _join_names(names: Sequence[str]) -> str:
    return ", ".join(names[:MAX_NOTED_SITES]) + (" ..." if len(names) > MAX_NOTED_SITES else "")


def _undefined(measure: str) -> dict[str, Value]:
    """What a measure of redundancy says where a site has too many units for its statistic to be kept."""
    prefix = "preactivation_" if measure.startswith("preactivation") else ""
    return {f"{prefix}vni": None, f"{prefix}effective_units": None}


def _nothing_finite(found: Mapping[str, Any]) -> str:
    spoilt: Nonfinite | None = found.get(Nonfinite.__name__)
    if spoilt is None or not spoilt.values:
        return "no value came through it on this data"
    return (
        f"every pre-activation that came through it on this data is in a sample with NaN or infinity: {spoilt.values} "
        f"such values in {spoilt.samples} samples (first: {spoilt.first})"
    )


def _network_values(state: State, seen: Mapping[str, Mapping[str, Any]]) -> dict[str, Value]:
    found = state.network
    values: dict[str, Value] = {}
    fates: PointTraces | None = found.get(PointTraces.__name__)
    if fates is not None and seen:
        extents = {name: stats[UnitRanges.__name__] for name, stats in seen.items()}
        values |= network_values(extents, tuple(state.statistics), fates)
    hits: Accuracy | None = found.get(Accuracy.__name__)
    if hits is not None:
        values["accuracy"] = hits.correct / hits.total
    whole: Patterns | None = found.get(GLOBAL_PATTERNS)
    if whole is not None:
        values[GLOBAL_PATTERNS] = pattern_counts.total(whole)
    return values


def _notes(state: State, seen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    notes = []
    if guessed := [site.name for site in state.sites if site.name in seen and site.rule == GUESS]:
        notes.append(guessed_axes_note(guessed))
    for name, found in seen.items():
        spoilt: Nonfinite = found[Nonfinite.__name__]
        if spoilt.values:
            notes.append(
                f"{name}: {spoilt.values} pre-activations are NaN or infinite, in {spoilt.samples} samples (first: "
                f"{spoilt.first}); these samples are left out of the statistics of this site."
            )
    wanted = {kind for measure in MEASURES if measure.name in state.provenance["measures"] for kind in measure.needs}
    squares = [kind.__name__ for kind in wanted if issubclass(kind, CoMoment)]
    large = [name for name, found in seen.items() if not all(kind in found for kind in squares)]
    if large:
        notes.append(omitted_vni_note(large, state.provenance["squares"]))
    return notes
