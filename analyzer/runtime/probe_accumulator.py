"""Turn the outputs of the probe at one site into statistics, and merge them over all runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from ..errors import DataError
from ..native import PatternTable
from ..passes.probe import MOMENTS, PREACTIVATION
from ..sites import Site
from ..stats import (
    CoMoment,
    LabelledPatterns,
    MergeTree,
    Nonfinite,
    Patterns,
    Points,
    PreactivationCoMoment,
    Statistic,
    UnitRanges,
)
from ..stats.block import NONE
from ..stats.comoments import MomentSum
from ..stats.labelled import Labels, require_labels
from ..stats.points import Numbers
from .tap_accumulator import SiteBatchResult

Array = NDArray[Any]

SERVED: frozenset[type[Statistic]] = frozenset(
    {UnitRanges, Points, Patterns, LabelledPatterns, CoMoment, PreactivationCoMoment}
)
"""Statistics that can be computed from a probe's outputs."""
_MOMENTS = {CoMoment: MOMENTS, PreactivationCoMoment: tuple(PREACTIVATION + name for name in MOMENTS)}


class ProbeAccumulator:
    """Statistics of one site, computed from the outputs of its probe and merged over all runs.

    Args:
        site: the site.
        statistics: the types of the statistics to compute, all of them in `SERVED`.
        capacity: maximum number of distinct patterns that are counted exactly.
        seed: seed of the pattern keys.
        table: a native table that counts patterns; None to count with numpy.
        pairs: a native table that counts pairs of a pattern and a class; None to count with numpy.
    """

    def __init__(
        self,
        site: Site,
        statistics: Sequence[type[Statistic]],
        *,
        capacity: int,
        seed: int,
        table: PatternTable | None,
        pairs: PatternTable | None,
    ) -> None:
        self.site = site
        self._statistics = tuple(statistics)
        self._capacity = capacity
        self._seed = seed
        self._trees: dict[type[Statistic], MergeTree[Any]] = {}
        self._sums: dict[type[CoMoment], MomentSum] = {}
        self._table = table
        self._pairs = pairs
        self._units = 0

    def check(self, outputs: Mapping[str, Array], index: Numbers) -> SiteBatchResult:
        """Check the outputs of one run, and return the classes of its samples and the pattern keys.

        Nothing is merged: call `add` once all sites have passed.

        Args:
            outputs: the arrays that the probe returned, by name.
            index: number of each sample in the data (sample,).

        Raises:
            DataError: the probe counted a different number of samples, or some value is not finite.
        """
        dead, linear, finite = outputs["dead"], outputs["linear"], outputs["finite"]
        if len(finite) != len(index):
            raise DataError(f"site {self.site.name!r}: expected {len(index)} samples, got {len(finite)} from the probe")
        if not finite.all():
            raise DataError(f"site {self.site.name!r}: expected finite values, got NaN or infinity")
        keys = outputs["keys"]
        return SiteBatchResult({}, finite, dead, linear, keys if len(keys) else None)

    def add(self, outputs: Mapping[str, Array], index: Numbers, labels: Labels | None) -> None:
        """Merge the outputs of one run, which have passed `check`.

        Args:
            outputs: the arrays that the probe returned, by name.
            index: number of each sample in the data (sample,).
            labels: class of each sample (sample,), or None.

        Raises:
            StateError: the number of units differs from that of earlier runs.
            DataError: pairs of a pattern and a class are counted, and there are no labels.
        """
        samples, positions = len(index), outputs["keys"].shape[1]
        parts = (
            Nonfinite(0, 0, NONE),
            UnitRanges(samples * positions, samples, outputs["low"], outputs["high"], outputs["active"]),
            Points.of_classes(outputs["dead"], outputs["linear"], index),
        )
        for part in parts:
            self._trees.setdefault(type(part), MergeTree()).add(part)
        self._units = outputs["low"].size
        keys, units, capacity, seed = outputs["keys"], self._units, self._capacity, self._seed
        if self._table is not None:
            self._table.add(keys.reshape(-1))
        elif Patterns in self._statistics:
            patterns = Patterns.of_keys(keys.reshape(-1), units=units, capacity=capacity, seed=seed)
            self._trees.setdefault(Patterns, MergeTree()).add(patterns)
        if self._pairs is not None:
            self._pairs.add_pairs(keys, require_labels(labels))
        elif LabelledPatterns in self._statistics:
            pairs = LabelledPatterns.of_pairs(keys, require_labels(labels), units=units, capacity=capacity, seed=seed)
            self._trees.setdefault(LabelledPatterns, MergeTree()).add(pairs)
        for kind, names in _MOMENTS.items():
            if names[0] in outputs:
                count, mean, m2 = (outputs[name] for name in names)
                self._sums.setdefault(kind, MomentSum()).add(int(count), mean, m2)

    def total(self) -> dict[type[Statistic], Any]:
        """Return every statistic over all runs added."""
        found: dict[type[Statistic], Any] = {kind: tree.total() for kind, tree in self._trees.items()}
        found |= {kind: kind(*moments.total()) for kind, moments in self._sums.items()}
        if self._table is not None and self._units:
            found[Patterns] = self._table.patterns(units=self._units, seed=self._seed)
        if self._pairs is not None and self._units:
            found[LabelledPatterns] = self._pairs.pairs(units=self._units, seed=self._seed)
        return found

    def release(self) -> None:
        """Free the memory of all statistics; the accumulator cannot be used afterwards."""
        self._trees, self._sums = {}, {}
        self._table = self._pairs = None
