"""The comparison of two states of a network: what changed, by site and for the whole, as frozen plain data."""

from typing import ClassVar

from ..errors import OptionError
from ..report import html_page, serialize
from ..report.report import Report, SiteReport
from ..report.sheet import Sheet
from ..values.plain_data import Value
from .evaluation import SIMILAR, mean, notes_on, of_itself, of_network, of_pair, of_site, of_state, refused, seen_sites
from .sheet import of_comparison, of_course
from .site_changes import Contrast, Contrasts, Pair

PAIR = (0, 1)


class Comparison(Report):
    """What changed from one model to another on the same data: a report, its values listed in docs/compare.md.

    >>> from relucid import compare, demo
    >>> same = compare(demo.model(), demo.model(), demo.data(), limit=10)
    >>> same.mean_distance, same["hidden.relu"].weighted_jaccard
    (0.0, 1.0)
    """

    FILES: ClassVar = ("comparison.json", "units.csv", "comparison.html")

    def _sheet(self) -> Sheet:
        return of_comparison(self)

    def to_html(self) -> str:
        """Return the table as one self-contained page."""
        return html_page.sheet_to_page(self._sheet())


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
    return Comparison(tuple(sites), network, contrasts.provenance, notes_on(contrasts), refused(contrasts))


OF_PAIR = ("distance", "temperature", *SIMILAR)
OF_STATE = ("patterns", "entropy", "relative_entropy", "vni", "dead_unit_ratio")


class Course(Report):
    """What became of the patterns over several states (thesis, figure 3.7): a report whose values are tuples by state.

    `..._to_first`, `..._to_last` and `..._to_previous` compare each state with one of the others; the first state has
    none before it, so its `..._to_previous` is None. Values are listed in docs/compare.md.

    >>> from relucid import compare_chain, demo
    >>> course = compare_chain([demo.model(), demo.model()], demo.data(), limit=10)
    >>> course["hidden.relu"].weighted_jaccard_to_last, course.mean_distance_to_previous
    ((1.0, 1.0), (None, 0.0))
    """

    FILES: ClassVar = ("course.json", "course.csv", "course.html")

    def _sheet(self) -> Sheet:
        return of_course(self)

    def to_html(self) -> str:
        """Return the table as one self-contained page."""
        return html_page.sheet_to_page(self._sheet())

    def to_csv(self) -> str:
        """One row for each site and state."""
        return serialize.course_to_csv(self)


def pairs_of(count: int) -> dict[str, tuple[Pair | None, ...]]:
    """Which state each of so many is compared with, as (earlier, later): the first, the last, the one before.

    >>> pairs_of(3)["last"], pairs_of(3)["previous"]
    (((0, 2), (1, 2), (2, 2)), (None, (0, 1), (1, 2)))
    """
    return {
        "first": tuple((0, number) for number in range(count)),
        "last": tuple((number, count - 1) for number in range(count)),
        "previous": (None, *((number, number + 1) for number in range(count - 1))),
    }


def wanted_pairs(count: int) -> list[Pair]:
    """The pairs of different states that a course over so many compares, each once.

    Raises:
        OptionError: there are fewer than two states.

    >>> wanted_pairs(3)
    [(0, 1), (0, 2), (1, 2)]
    """
    if count < 2:
        raise OptionError(f"a comparison wants at least two models, came {count}")
    pairs = (pair for pairs in pairs_of(count).values() for pair in pairs)
    return list(dict.fromkeys(pair for pair in pairs if pair is not None and pair[0] != pair[1]))


def followed(contrasts: Contrasts) -> Course:
    """The course of all states, in their order: pure formulas over statistics, nothing else."""
    seen, plan = seen_sites(contrasts), pairs_of(len(contrasts.states))
    sites = tuple(SiteReport(each.match.name, each.match.kind, _of_site(each, plan)) for each in seen)
    whole: dict[str, Value] = {"samples": contrasts.samples, "states": contrasts.states}
    for name in OF_STATE:
        whole[f"mean_{name}"] = _means(sites, name)
    for other, pairs in plan.items():
        for name in SIMILAR:
            whole[f"mean_{name}_to_{other}"] = _means(sites, f"{name}_to_{other}")
        wholes = [_network(seen, pair) for pair in pairs]
        for name in ("mean_distance", "network_temperature", "mean_temperature"):
            whole[f"{name}_to_{other}"] = tuple(values.get(name) for values in wholes)
    return Course(sites, whole, contrasts.provenance, notes_on(contrasts), refused(contrasts))


def _of_site(contrast: Contrast, plan: dict[str, tuple[Pair | None, ...]]) -> dict[str, Value]:
    states = [of_state(found) for found in contrast.states]
    values = of_site(contrast) | {name: tuple(state[name] for state in states) for name in OF_STATE}
    known = {pair: _of_pair(contrast, pair) for pairs in plan.values() for pair in pairs}
    for other, pairs in plan.items():
        values |= {f"{name}_to_{other}": tuple(known[pair].get(name) for pair in pairs) for name in OF_PAIR}
    return values


def _of_pair(contrast: Contrast, pair: Pair | None) -> dict[str, Value]:
    if pair is None:
        return {}
    return of_itself() if pair[0] == pair[1] else of_pair(contrast, pair)


def _network(seen: tuple[Contrast, ...], pair: Pair | None) -> dict[str, Value]:
    if pair is None or not seen:
        return {}
    if pair[0] == pair[1]:
        return {"mean_distance": 0.0, "network_temperature": 0.0, "mean_temperature": 0.0}
    return of_network({contrast.match.name: contrast.changes[pair] for contrast in seen})


def _means(sites: tuple[SiteReport, ...], name: str) -> tuple[Value, ...]:
    """The mean over sites of a value, state by state."""
    series = [value for site in sites if isinstance(value := site.values[name], tuple)]
    return tuple(mean(values) for values in zip(*series, strict=True))
