"""Comparison and Course: the reports on two states of a network and on a chain of states."""

from collections.abc import Mapping
from typing import ClassVar

from ..errors import OptionError
from ..report import html_page, serialize
from ..report.report import Report, SiteReport
from ..report.sheet import Sheet
from ..values.plain_data import Value
from .evaluation import (
    NETWORK_VALUES_OF_EQUAL_STATES,
    PAIR_VALUES_OF_EQUAL_STATES,
    SIMILARITIES,
    list_excluded,
    list_notes,
    mean,
    network_values,
    pair_values,
    shared_values,
    state_values,
)
from .sheet import build_comparison_sheet, build_course_sheet
from .site_changes import NetworkChanges, Pair, SiteChanges

COURSE_PAIR_VALUES = ("distance", "temperature", *SIMILARITIES)
COURSE_STATE_VALUES = ("patterns", "entropy", "relative_entropy", "vni", "dead_unit_ratio")


class Comparison(Report):
    """Changes from one model to another on the same data; docs/compare.md lists the values.

    >>> from relucid import compare, demo
    >>> same = compare(demo.model(), demo.model(), demo.data(), limit=10)
    >>> same.mean_distance, same["hidden.relu"].weighted_jaccard
    (0.0, 1.0)
    """

    FILES: ClassVar = ("comparison.json", "units.csv", "comparison.html")

    def _sheet(self) -> Sheet:
        """The table, one row per site."""
        return build_comparison_sheet(self)

    def to_html(self) -> str:
        """Return the table as one self-contained page."""
        return html_page.sheet_to_page(self._sheet())


class Course(Report):
    """Changes over several states of a network (thesis, figure 3.7); values of a site are tuples, one entry per state.

    `..._to_first`, `..._to_last` and `..._to_previous` compare each state with another one; `..._to_previous` of the
    first state is None. docs/compare.md lists the values.

    >>> from relucid import compare_chain, demo
    >>> course = compare_chain([demo.model(), demo.model()], demo.data(), limit=10)
    >>> course["hidden.relu"].weighted_jaccard_to_last, course.mean_distance_to_previous
    ((1.0, 1.0), (None, 0.0))
    """

    FILES: ClassVar = ("course.json", "course.csv", "course.html")

    def _sheet(self) -> Sheet:
        """The table, one row per state."""
        return build_course_sheet(self)

    def to_html(self) -> str:
        """Return the table as one self-contained page."""
        return html_page.sheet_to_page(self._sheet())

    def to_csv(self) -> str:
        """One row for each site and state."""
        return serialize.course_to_csv(self)


def build_comparison(network: NetworkChanges) -> Comparison:
    """Build the comparison of the first state with the second."""
    pair, compared = (0, 1), network.compared_sites
    sites = []
    for site in compared:
        before, after = (state_values(statistics) for statistics in site.states)
        values = {
            **shared_values(site),
            **pair_values(site, pair),
            **{f"{name}_before": value for name, value in before.items()},
            **{f"{name}_after": value for name, value in after.items()},
        }
        sites.append(SiteReport(site.name, site.kind, values))
    changes = {site.name: site.changes[pair] for site in compared}
    values = {"samples": network.samples, **(network_values(changes) if changes else {})}
    return Comparison(tuple(sites), values, network.provenance, list_notes(network), list_excluded(network))


def build_course(network: NetworkChanges) -> Course:
    """Build the course over all states, in their order."""
    compared, references = network.compared_sites, pairs_by_reference(len(network.states))
    sites = tuple(SiteReport(site.name, site.kind, _site_values(site, references)) for site in compared)
    values: dict[str, Value] = {"samples": network.samples, "states": network.states}
    for name in COURSE_STATE_VALUES:
        values[f"mean_{name}"] = _mean_over_sites(sites, name)
    for reference, pairs in references.items():
        for name in SIMILARITIES:
            values[f"mean_{name}_to_{reference}"] = _mean_over_sites(sites, f"{name}_to_{reference}")
        wholes = [_network_values(compared, pair) for pair in pairs]
        for name in NETWORK_VALUES_OF_EQUAL_STATES:
            values[f"{name}_to_{reference}"] = tuple(whole.get(name) for whole in wholes)
    return Course(sites, values, network.provenance, list_notes(network), list_excluded(network))


def pairs_by_reference(count: int) -> dict[str, tuple[Pair | None, ...]]:
    """The pair of each state with the first, the last and the previous one; None where there is no previous one.

    >>> pairs_by_reference(3)["last"], pairs_by_reference(3)["previous"]
    (((0, 2), (1, 2), (2, 2)), (None, (0, 1), (1, 2)))
    """
    return {
        "first": tuple((0, number) for number in range(count)),
        "last": tuple((number, count - 1) for number in range(count)),
        "previous": (None, *((number, number + 1) for number in range(count - 1))),
    }


def list_pairs(count: int) -> list[Pair]:
    """List the pairs of different states that a course compares, each once.

    Raises:
        OptionError: there are fewer than two states.

    >>> list_pairs(3)
    [(0, 1), (0, 2), (1, 2)]
    """
    if count < 2:
        raise OptionError(f"expected at least two models to compare, got {count}; add models")
    pairs = (pair for pairs in pairs_by_reference(count).values() for pair in pairs)
    return list(dict.fromkeys(pair for pair in pairs if pair is not None and pair[0] != pair[1]))


def _site_values(site: SiteChanges, references: dict[str, tuple[Pair | None, ...]]) -> dict[str, Value]:
    states = [state_values(statistics) for statistics in site.states]
    values = shared_values(site) | {name: tuple(state[name] for state in states) for name in COURSE_STATE_VALUES}
    by_pair = {pair: _pair_values(site, pair) for pairs in references.values() for pair in pairs}
    for reference, pairs in references.items():
        for name in COURSE_PAIR_VALUES:
            values[f"{name}_to_{reference}"] = tuple(by_pair[pair].get(name) for pair in pairs)
    return values


def _pair_values(site: SiteChanges, pair: Pair | None) -> Mapping[str, Value]:
    if pair is None:
        return {}
    return PAIR_VALUES_OF_EQUAL_STATES if pair[0] == pair[1] else pair_values(site, pair)


def _network_values(sites: tuple[SiteChanges, ...], pair: Pair | None) -> Mapping[str, Value]:
    if pair is None or not sites:
        return {}
    if pair[0] == pair[1]:
        return NETWORK_VALUES_OF_EQUAL_STATES
    return network_values({site.name: site.changes[pair] for site in sites})


def _mean_over_sites(sites: tuple[SiteReport, ...], name: str) -> tuple[Value, ...]:
    """The mean over sites of a value, for each state."""
    series = [value for site in sites if isinstance(value := site.values[name], tuple)]
    return tuple(mean(values) for values in zip(*series, strict=True))
