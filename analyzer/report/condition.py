"""A condition on a report, as `--fail-if` takes it: `dead_units > 0.2 or accuracy < 0.9`.

The name of a list means the share of its members: `dead_units` is the share of dead units, `dead_unit_count` how many
there are. An estimate counts as its value. A comparison with a value that is not defined is neither true nor false, and
only what is known to be true fires.
"""

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ..errors import OptionError
from ..values.plain_data import Value, unknown_name
from . import expression
from .formatting import number
from .schema import BY_NAME, COMPARISON_FIELDS, REPORT_FIELDS, Field

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .report import Report


NETWORK = "the network"


def _counted(word: Field) -> str:
    """What the number of a list's members is called: dead_units -> dead_unit_count."""
    return word.name.removesuffix("s") + "_count"


LISTS = {word.name: word for word in REPORT_FIELDS if word.share is not None}
COUNTS = {_counted(word): word for word in LISTS.values()}
NUMBERS = {
    word.name: word for word in BY_NAME.values() if word.kind in {"count", "number", "share"} and word.place != "unit"
}
MEANT = {**COUNTS, **LISTS, **NUMBERS}


@dataclass(frozen=True)
class Condition:
    """A parsed condition.

    Args:
        text: as it was written.
        tree: what it says.

    >>> from relucid.analyzer.report import Report, SiteReport
    >>> report = Report((SiteReport("act", "relu", {"dead_units": (0,), "dead_unit_ratio": 0.25}),))
    >>> Condition.parse("dead_units > 0.2").firing(report)
    ('act',)
    >>> Condition.parse("dead_unit_count > 1").firing(report)
    ()
    """

    text: str
    tree: ast.expr

    @classmethod
    def parse(cls, text: str) -> Self:
        """The condition that the text says.

        Raises:
            OptionError: it is no condition, names a value no report has, or asks of a share what is true of every
                share or of none, as `dead_units > 20` does.
        """
        text = text.strip()
        tree = expression.parse(text)
        for name in expression.names(tree):
            if name not in MEANT:
                raise OptionError(unknown_name(f"{text!r}: a report has no value", name, sorted(MEANT)))
        if not expression.names(tree):
            raise OptionError(f"{text!r} asks for no value of the report; write a condition such as 'dead_units > 0.2'")
        for name, always in expression.settled(tree, lambda name: name in LISTS or MEANT[name].kind == "share"):
            counted = f", or use {_counted(LISTS[name])} for how many" if name in LISTS else ""
            raise OptionError(
                f"{text!r} is {always} true of {name}, a share between 0 and 1; write 0.2 for 20 %{counted}"
            )
        return cls(text, tree)

    @property
    def names(self) -> tuple[str, ...]:
        """The values it asks for, each once, in alphabetical order."""
        return expression.names(self.tree)

    def firing(self, report: "Report") -> tuple[str, ...]:
        """The names of the sites that satisfy it, in order of depth.

        A condition on values of the network alone is asked once; ("the network",) says that it fires.

        Raises:
            OptionError: the report lacks a value it asks for: the measure was not asked for, or labels were not given.
        """
        present = set(report.network).union(*(site.values for site in report.sites))
        for name in self.names:
            of_sites = MEANT[name].place == "site"
            if not {name, MEANT[name].name} & present and (report.sites or not of_sites):
                raise OptionError(
                    f"{self.text!r}: this report has no {name}; ask for the measure, or give the labels, it comes from"
                )
        if all(MEANT[name].place == "network" for name in self.names):
            return (NETWORK,) if self._holds(report.network, report) else ()
        return tuple(site.name for site in report.sites if self._holds({**report.network, **site.values}, report))

    def notes(self, report: "Report") -> tuple[str, ...]:
        """One sentence for each value it asks for that is defined nowhere, so that nothing could fire by it."""
        return silent(self.text, self.names, report, lambda name, values: _meaning(name, values, report))

    def _holds(self, values: "Mapping[str, Value]", report: "Report") -> bool:
        return expression.truth(self.tree, lambda name: _meaning(name, values, report)) is True


def silent(
    text: str, names: "Sequence[str]", report: "Report", meaning: "Callable[[str, Mapping[str, Value]], float | None]"
) -> tuple[str, ...]:
    """One sentence for each name that means nothing anywhere in a report.

    Args:
        text: of the condition.
        names: what it asks for.
        report: which is asked.
        meaning: what a name means among the values of a site or of the network.
    """
    everything = [report.network, *(site.values for site in report.sites)]
    unsaid = [name for name in names if all(meaning(name, values) is None for values in everything)]
    return tuple(f"{text!r} cannot fire by {name}: it is defined at no site" for name in unsaid)


def _meaning(name: str, values: "Mapping[str, Value]", report: "Report") -> float | None:
    """What a name means: a list the share, the count of a list how many, any other name its number."""
    if name in COUNTS and name not in values:
        return number(values.get(COUNTS[name].name))
    if name not in LISTS:
        return number(values.get(name))
    if share := LISTS[name].share:
        return number(values.get(share))
    members = number(values.get(name))
    return members / len(report.sites) if members is not None and report.sites else None


CHANGE_NUMBERS = {
    word.name: word for word in reversed(COMPARISON_FIELDS) if word.kind != "list" and word.place != "unit"
}
OF_DISTANCE = {"temperature": "distance", "network_temperature": "mean_distance"}


@dataclass(frozen=True)
class ChangeCondition:
    """A parsed condition.

    Args:
        text: as it was written.
        tree: what it says.

    >>> from relucid.analyzer.report import Report, SiteReport
    >>> report = Report((SiteReport("act", "relu", {"distance": 1.0, "temperature": None}),))
    >>> ChangeCondition.parse("temperature > 5").firing(report), ChangeCondition.parse("distance < 1").firing(report)
    (('act',), ())
    """

    text: str
    tree: ast.expr

    @classmethod
    def parse(cls, text: str) -> Self:
        """The condition that the text says.

        Raises:
            OptionError: it is no condition, names a value no comparison has, or asks of a share what is true of every
                share or of none, as `distance > 20` does.
        """
        text = text.strip()
        tree = expression.parse(text)
        for name in expression.names(tree):
            if name not in CHANGE_NUMBERS:
                raise OptionError(unknown_name(f"{text!r}: a comparison has no value", name, sorted(CHANGE_NUMBERS)))
        if not expression.names(tree):
            raise OptionError(f"{text!r} asks for no value of the comparison; write one such as 'distance > 0.5'")
        for name, always in expression.settled(tree, lambda name: CHANGE_NUMBERS[name].kind == "share"):
            raise OptionError(f"{text!r} is {always} true of {name}, a share between 0 and 1; write 0.2 for 20 %")
        return cls(text, tree)

    def firing(self, report: "Report") -> tuple[str, ...]:
        """The names of the sites that satisfy it, in order of depth; of a condition on the network alone that."""
        if all(CHANGE_NUMBERS[name].place == "network" for name in expression.names(self.tree)):
            return (NETWORK,) if self._holds(report.network) else ()
        return tuple(site.name for site in report.sites if self._holds({**report.network, **site.values}))

    def notes(self, report: "Report") -> tuple[str, ...]:
        """One sentence for each value it asks for that is defined nowhere, so that nothing could fire by it."""
        return silent(self.text, expression.names(self.tree), report, _meaning_of_change)

    def _holds(self, values: Mapping[str, Value]) -> bool:
        return expression.truth(self.tree, lambda name: _meaning_of_change(name, values)) is True


def _meaning_of_change(name: str, values: Mapping[str, Value]) -> float | None:
    if name in OF_DISTANCE and number(values.get(OF_DISTANCE[name])) == 1:
        return math.inf
    return number(values.get(name))
