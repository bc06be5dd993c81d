"""A condition on a comparison, as `--fail-if` takes it: `distance > 0.5 or weighted_jaccard < 0.2`.

An infinite temperature is greater than any number; an estimate counts as its value; a comparison with a value that is
not defined is neither true nor false, and only what is known to be true fires.
"""

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ..errors import OptionError
from ..values.plain_data import Value, no_such
from . import expression
from .comparison_words import WORDS
from .condition import NETWORK, silent
from .numbers import number

if TYPE_CHECKING:
    from ..report import Report

NUMBERS = {word.name: word for word in reversed(WORDS) if word.kind != "list" and word.place != "unit"}
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
            if name not in NUMBERS:
                raise OptionError(no_such(f"{text!r}: a comparison has no value", name, sorted(NUMBERS)))
        if not expression.names(tree):
            raise OptionError(f"{text!r} asks for no value of the comparison; write one such as 'distance > 0.5'")
        for name, always in expression.settled(tree, lambda name: NUMBERS[name].kind == "share"):
            raise OptionError(f"{text!r} is {always} true of {name}, a share between 0 and 1; write 0.2 for 20 %")
        return cls(text, tree)

    def firing(self, report: "Report") -> tuple[str, ...]:
        """The names of the sites that satisfy it, in order of depth; of a condition on the network alone that."""
        if all(NUMBERS[name].place == "network" for name in expression.names(self.tree)):
            return (NETWORK,) if self._holds(report.network) else ()
        return tuple(site.name for site in report.sites if self._holds({**report.network, **site.values}))

    def notes(self, report: "Report") -> tuple[str, ...]:
        """One sentence for each value it asks for that is defined nowhere, so that nothing could fire by it."""
        return silent(self.text, expression.names(self.tree), report, _meaning)

    def _holds(self, values: Mapping[str, Value]) -> bool:
        return expression.truth(self.tree, lambda name: _meaning(name, values)) is True


def _meaning(name: str, values: Mapping[str, Value]) -> float | None:
    if name in OF_DISTANCE and number(values.get(OF_DISTANCE[name])) == 1:
        return math.inf
    return number(values.get(name))
