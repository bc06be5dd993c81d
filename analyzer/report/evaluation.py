"""The report of a state: every requested measure of every site and of the network."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..measures import MEASURES, network, pattern_counts
from ..options import GLOBAL_PATTERNS
from ..sites import GUESS, Site
from ..state.analysis_state import State
from ..stats import CoMoment, Nonfinite, Patterns, PointTraces, UnitRanges
from ..stats.block import NONE
from ..stats.labelled import Accuracy
from ..values.plain_data import Value
from .report import Report, SiteReport

MAX_NOTED_SITES = 4
"""Maximum number of site names that a note lists."""


def build_report(state: State) -> Report:
    """Build the report of a state: every requested measure, evaluated on its statistics."""
    sites = {site.name: site for site in state.sites}
    reported = {name: found for name, found in state.statistics.items() if UnitRanges.__name__ in found}
    chosen = set(state.provenance["measures"])
    reports = tuple(
        SiteReport(name, sites[name].kind, site_values(sites[name], found, chosen=chosen, samples=state.samples))
        for name, found in reported.items()
    )
    without_values = [
        (name, sites[name].kind, _explain_no_values(found))
        for name, found in state.statistics.items()
        if name not in reported
    ]
    return Report(
        sites=reports,
        network=_network_values(state, reported) | {"samples": state.samples},
        provenance=dict(state.provenance),
        notes=(*state.notes, *_notes(state, reported)),
        not_analysable=(*without_values, *((s.name, s.kind, s.reason) for s in state.sites if s.reason is not None)),
    )


def site_values(
    site: Site, statistics: Mapping[str, Any], *, chosen: Collection[str], samples: int
) -> dict[str, Value]:
    """Compute the values of a site.

    Args:
        site: the site.
        statistics: by class name; at least UnitRanges and Nonfinite.
        chosen: names of the measures to compute.
        samples: number of samples that reached the site.
    """
    ranges: UnitRanges = statistics[UnitRanges.__name__]
    positions = ranges.count / ranges.samples
    values: dict[str, Value] = {
        "unit_axis": site.unit_axis,
        "units": int(ranges.low.size),
        "samples": samples,
        "positions": int(positions) if positions.is_integer() else positions,
    }
    for measure in MEASURES:
        needed = [statistics.get(statistic.__name__) for statistic in measure.needs]
        if measure.name in chosen:
            values |= measure(*needed) if all(n is not None for n in needed) else _undefined_values(measure.name)
    if site.threshold:
        # Statistics are of z - threshold, which is 0 where the units switch; the report is of z itself.
        values |= {"unit_low": ranges.low + site.threshold, "unit_high": ranges.high + site.threshold}
    nonfinite: Nonfinite = statistics[Nonfinite.__name__]
    values["nonfinite_values"] = nonfinite.values
    values["nonfinite_samples"] = nonfinite.samples
    values["first_nonfinite"] = None if nonfinite.first == NONE else nonfinite.first
    return values


def network_values(ranges: Mapping[str, UnitRanges], traced: Sequence[str], traces: PointTraces) -> dict[str, Value]:
    """Compute the values of the network as a whole.

    Args:
        ranges: of the reported sites, by name.
        traced: names of the sites of `traces`, in order of depth; it may include sites that are not reported.
        traces: where points die or stay linear.
    """
    reported = np.array([name in ranges for name in traced])
    traces = replace(traces, first_dead=traces.first_dead[reported], linear_so_far=traces.linear_so_far[reported])
    return network({name: ranges[name] for name in traced if name in ranges}, traces)


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


def _undefined_values(measure: str) -> dict[str, Value]:
    """Return the values of a redundancy measure at a site with too many units for its statistic."""
    prefix = "preactivation_" if measure.startswith("preactivation") else ""
    return {f"{prefix}vni": None, f"{prefix}effective_units": None}


def _explain_no_values(statistics: Mapping[str, Any]) -> str:
    nonfinite: Nonfinite | None = statistics.get(Nonfinite.__name__)
    if nonfinite is None or not nonfinite.values:
        return "it received no values on this data"
    return (
        f"every sample has a pre-activation that is NaN or infinite: {nonfinite.values} such values in "
        f"{nonfinite.samples} samples (first: {nonfinite.first})"
    )


def _network_values(state: State, reported: Mapping[str, Mapping[str, Any]]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    traces: PointTraces | None = state.network.get(PointTraces.__name__)
    if traces is not None and reported:
        ranges = {name: found[UnitRanges.__name__] for name, found in reported.items()}
        values |= network_values(ranges, tuple(state.statistics), traces)
    accuracy: Accuracy | None = state.network.get(Accuracy.__name__)
    if accuracy is not None:
        values["accuracy"] = accuracy.correct / accuracy.total
    global_patterns: Patterns | None = state.network.get(GLOBAL_PATTERNS)
    if global_patterns is not None:
        values[GLOBAL_PATTERNS] = pattern_counts.total(global_patterns)
    return values


def _notes(state: State, reported: Mapping[str, Mapping[str, Any]]) -> list[str]:
    notes = []
    if guessed := [site.name for site in state.sites if site.name in reported and site.rule == GUESS]:
        notes.append(guessed_axes_note(guessed))
    for name, found in reported.items():
        nonfinite: Nonfinite = found[Nonfinite.__name__]
        if nonfinite.values:
            notes.append(
                f"{name}: {nonfinite.values} pre-activations are NaN or infinite, in {nonfinite.samples} samples "
                f"(first: {nonfinite.first}); the statistics of this site exclude these samples."
            )
    needed = {kind for measure in MEASURES if measure.name in state.provenance["measures"] for kind in measure.needs}
    comoments = [kind.__name__ for kind in needed if issubclass(kind, CoMoment)]
    if large := [name for name, found in reported.items() if not all(kind in found for kind in comoments)]:
        notes.append(omitted_vni_note(large, state.provenance["squares"]))
    return notes
