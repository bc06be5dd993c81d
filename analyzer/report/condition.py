"""Conditions on a report or a comparison, the argument of `--fail-if`: `dead_units > 0.2 or accuracy < 0.9`.

The name of a list is the share of its members: `dead_units` is the share of dead units, `dead_unit_count` their number.
An estimate counts as its value. A comparison with an undefined value is neither true nor false, and a condition is
met only where it is known to be true.
"""

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from ..errors import OptionError
from ..values.plain_data import Value, describe_unknown_name
from . import expression
from .data import ReportData
from .formatting import number
from .schema import COMPARISON_FIELDS, REPORT_FIELDS, REPORT_FIELDS_BY_NAME, Field

Subject = Literal["report", "comparison"]

NETWORK = "the network"
LISTS = {field.name: field for field in REPORT_FIELDS if field.share is not None}
"""Names that mean a share of members."""
COUNTS = {f"{name.removesuffix('s')}_count": field for name, field in LISTS.items()}
"""Names that mean a number of members: dead_unit_count for the list dead_units."""


def _numbers(fields: Mapping[str, Field]) -> dict[str, Field]:
    """Return the fields that are one number of a site or of the network."""
    return {
        name: field
        for name, field in fields.items()
        if field.kind in {"count", "number", "share"} and field.place != "unit"
    }


VOCABULARIES: Mapping[Subject, Mapping[str, Field]] = {
    "report": {**COUNTS, **LISTS, **_numbers(REPORT_FIELDS_BY_NAME)},
    "comparison": _numbers({field.name: field for field in reversed(COMPARISON_FIELDS)}),
}
"""The names a condition may use, and the field that each refers to."""
EXAMPLES: Mapping[Subject, str] = {"report": "dead_units > 0.2", "comparison": "distance > 0.5"}
INFINITE_TEMPERATURES = {"temperature": "distance", "network_temperature": "mean_distance"}
"""Temperatures, each infinite where this distance is 1 (a comparison stores None)."""


@dataclass(frozen=True)
class Condition:
    """A parsed condition.

    Args:
        text: the source text.
        tree: the parsed expression.
        of: whether it is a condition on a report or on a comparison.

    >>> from .data import SiteReport
    >>> report = ReportData((SiteReport("act", "relu", {"dead_units": (0,), "dead_unit_ratio": 0.25}),))
    >>> Condition.parse("dead_units > 0.2").firing(report)
    ('act',)
    >>> Condition.parse("dead_unit_count > 1").firing(report)
    ()
    >>> change = ReportData((SiteReport("act", "relu", {"distance": 1.0, "temperature": None}),))
    >>> Condition.parse("temperature > 5", of="comparison").firing(change)
    ('act',)
    """

    text: str
    tree: ast.expr
    of: Subject = "report"

    @classmethod
    def parse(cls, text: str, *, of: Subject = "report") -> Self:
        """Parse a condition on a report or on a comparison.

        Raises:
            OptionError: it is not a condition, uses a name that no report has, or compares a share with a number
                that every share or none satisfies, as `dead_units > 20`.
        """
        text = text.strip()
        tree = expression.parse(text)
        fields, names = VOCABULARIES[of], expression.names(tree)
        for name in names:
            if name not in fields:
                raise OptionError(describe_unknown_name(f"{text!r}: a {of} has no value", name, sorted(fields)))
        if not names:
            raise OptionError(
                f"expected a condition that uses a value of the {of}, got {text!r}; write for example '{EXAMPLES[of]}'"
            )
        counts = {field.name: count for count, field in COUNTS.items()} if of == "report" else {}
        for name, always in expression.constant_comparisons(
            tree, lambda name: name in counts or fields[name].kind == "share"
        ):
            hint = f", or use {counts[name]} for the number" if name in counts else ""
            raise OptionError(f"{text!r} is {always} true of {name}, a share between 0 and 1; write 0.2 for 20 %{hint}")
        return cls(text, tree, of)

    @property
    def names(self) -> tuple[str, ...]:
        """The names it uses, each once, in alphabetical order."""
        return expression.names(self.tree)

    def firing(self, report: ReportData) -> tuple[str, ...]:
        """Return the names of the sites where it is true, in order of depth.

        A condition on values of the network alone is evaluated once; ("the network",) means that it is true.

        Raises:
            OptionError: the report lacks a value that it uses: its measure was not requested, or there are no labels.
        """
        fields = VOCABULARIES[self.of]
        if self.of == "report":
            self._check_present(report)
        if all(fields[name].place == "network" for name in self.names):
            return (NETWORK,) if self._holds(report.network, report) else ()
        return tuple(site.name for site in report.sites if self._holds({**report.network, **site.values}, report))

    def notes(self, report: ReportData) -> tuple[str, ...]:
        """Return one sentence for each name that is undefined everywhere, so that it cannot make the condition true."""
        everywhere = [report.network, *(site.values for site in report.sites)]
        undefined = (n for n in self.names if all(_evaluate(n, values, report) is None for values in everywhere))
        return tuple(f"{self.text!r} cannot be true: {name} is undefined at every site" for name in undefined)

    def _check_present(self, report: ReportData) -> None:
        present = set(report.network).union(*(site.values for site in report.sites))
        for name in self.names:
            field = VOCABULARIES[self.of][name]
            if not {name, field.name} & present and (report.sites or field.place != "site"):
                raise OptionError(
                    f"{self.text!r}: expected a report with {name}, got none; request its measure, or pass labels"
                )

    def _holds(self, values: Mapping[str, Value], report: ReportData) -> bool:
        return expression.evaluate(self.tree, lambda name: _evaluate(name, values, report)) is True


def _evaluate(name: str, values: Mapping[str, Value], report: ReportData) -> float | None:
    """Return the number that a name refers to among the values of a site or of the network."""
    if name in INFINITE_TEMPERATURES and number(values.get(INFINITE_TEMPERATURES[name])) == 1:
        return math.inf
    if name in COUNTS and name not in values:
        return number(values.get(COUNTS[name].name))
    if name not in LISTS:
        return number(values.get(name))
    if share := LISTS[name].share:
        return number(values.get(share))
    members = number(values.get(name))
    return members / len(report.sites) if members is not None and report.sites else None
