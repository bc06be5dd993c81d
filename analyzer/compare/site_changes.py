"""SiteChanges: the statistics of one site in several states of a network, and the changes between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..runtime.tap_accumulator import as_float
from ..sites import Site
from ..stats import Block, Changes, CoMoment, MergeTree, Nonfinite, Patterns, Statistic, UnitRanges, finite_samples
from ..stats.block import NONE

Array = NDArray[Any]
Pair = tuple[int, int]
"""Numbers of two states, the earlier one first."""
Statistics = Mapping[tuple[int | Pair, type], Any]
"""Statistics by state and type, and changes by pair of states and type."""


@dataclass(frozen=True, eq=False)
class SiteChanges:
    """The statistics of one site in every state, over the same samples, and the changes between states.

    Args:
        sites: the site in the model of each state.
        nonfinite: samples with a NaN or an infinity in some state; all other statistics exclude them.
        states: statistics of each state by type; empty if no sample is finite.
        changes: changes between the states of each pair.
    """

    sites: tuple[Site, ...]
    nonfinite: Nonfinite
    states: tuple[Mapping[type[Statistic], Any], ...]
    changes: Mapping[Pair, Changes]

    @property
    def name(self) -> str:
        """The site's name in the first model."""
        return self.sites[0].name

    @property
    def kind(self) -> str:
        """The site's kind; its different kinds in order of the states where they differ."""
        return " -> ".join(dict.fromkeys(site.kind for site in self.sites))


@dataclass(frozen=True, eq=False)
class NetworkChanges:
    """The statistics of all sites in several states of a network, on the same data.

    Args:
        states: names of the states.
        sites: one for each site, in the order of the first model's graph.
        samples: number of samples.
        provenance: models, runtime and options the statistics depend on.
        notes: sentences that qualify the results.
        not_analysable: (name, kind, reason) of every site that cannot be analysed.
    """

    states: tuple[str, ...]
    sites: tuple[SiteChanges, ...]
    samples: int
    provenance: Mapping[str, Any]
    notes: tuple[str, ...]
    not_analysable: tuple[tuple[str, str, str], ...]

    @property
    def compared_sites(self) -> tuple[SiteChanges, ...]:
        """The sites with at least one sample that is finite in every state."""
        return tuple(site for site in self.sites if site.states[0])


class ChangeAccumulator:
    """Computes the statistics of one site in every state, run by run, and merges them.

    Args:
        sites: the site in the model of each state.
        pairs: the states to compare.
        capacity: maximum number of distinct patterns counted exactly.
        seed: seed of pattern keys.
        max_covariance_units: maximum number of units for co-moments.
    """

    def __init__(
        self, sites: tuple[Site, ...], pairs: Sequence[Pair], *, capacity: int, seed: int, max_covariance_units: int
    ) -> None:
        self.sites = sites
        self._pairs = pairs
        self._capacity = capacity
        self._seed = seed
        self._max_covariance_units = max_covariance_units
        self._trees: dict[tuple[int | Pair, type], MergeTree[Any]] = {}
        self._nonfinite: MergeTree[Nonfinite] = MergeTree()

    def reduce(self, taps: Sequence[Sequence[Array]], index: NDArray[np.int64]) -> tuple[Nonfinite, Statistics]:
        """Compute the statistics of one run, without merging them.

        Args:
            taps: for each state the pre-activations, and the activations if they are tapped, each (sample, position,
                unit); samples beyond those of `index` are padding.
            index: number of each sample (sample,).

        Raises:
            ModelError: the states have different numbers of positions or units.
        """
        blocks = [_make_block(site.threshold, its, index) for site, its in zip(self.sites, taps, strict=True)]
        shapes = [block.z.shape for block in blocks]
        if len(set(shapes)) > 1:
            got = " and ".join(str(shape[1:]) for shape in dict.fromkeys(shapes))
            raise ModelError(
                f"expected the same positions and units in every model at site {self.sites[0].name!r}, got (positions, "
                f"units) {got}; exclude the site with --sites"
            )
        if not blocks[0].z.size:
            return Nonfinite(0, 0, NONE), {}
        finite = np.logical_and.reduce([finite_samples(block) for block in blocks])
        nonfinite = Nonfinite(0, 0, NONE)
        if not finite.all():
            values = sum(Nonfinite.of(block).values for block in blocks)
            nonfinite = Nonfinite(values, int((~finite).sum()), int(index[~finite].min()))
            blocks = [
                Block(block.z[finite], None if block.h is None else block.h[finite], index[finite]) for block in blocks
            ]
        return nonfinite, self._statistics(blocks) if finite.any() else {}

    def add(self, nonfinite: Nonfinite, statistics: Statistics) -> None:
        """Merge the statistics of one run with those of all runs before it.

        Raises:
            StateError: the number of units has changed.
        """
        self._nonfinite.add(nonfinite)
        for key, statistic in statistics.items():
            self._trees.setdefault(key, MergeTree()).add(statistic)

    def total(self) -> SiteChanges:
        """The merged statistics of all runs."""
        merged = {key: tree.total() for key, tree in self._trees.items()}
        states = tuple(
            {kind: statistic for (of, kind), statistic in merged.items() if of == number}
            for number in range(len(self.sites))
        )
        changes = {of: statistic for (of, _), statistic in merged.items() if isinstance(of, tuple)}
        return SiteChanges(self.sites, self._nonfinite.total(), states, changes)

    def _statistics(self, blocks: Sequence[Block]) -> Statistics:
        statistics: dict[tuple[int | Pair, type], Any] = {}
        for number, block in enumerate(blocks):
            statistics[number, UnitRanges] = UnitRanges.of(block)
            statistics[number, Patterns] = Patterns.of(block, capacity=self._capacity, seed=self._seed)
            if block.z.shape[2] <= self._max_covariance_units:
                statistics[number, CoMoment] = CoMoment.of(block)
        patterns = [block.z > 0 for block in blocks]
        for a, b in self._pairs:
            statistics[(a, b), Changes] = Changes.of_patterns(patterns[a], patterns[b])
        return statistics


def _make_block(threshold: float, taps: Sequence[Array], index: NDArray[np.int64]) -> Block:
    z, *activations = (as_float(each[: len(index)]) for each in taps)
    return Block(z - z.dtype.type(threshold) if threshold else z, activations[0] if activations else None, index)
