"""One site in several states of a network: what each state shows of it, and what changes between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..runtime.tap_accumulator import as_float
from ..stats import Block, Changes, CoMoment, MergeTree, Nonfinite, Patterns, Statistic, UnitRanges, finite_samples
from ..stats.nonfinite import NONE
from .matching import Match

Array = NDArray[Any]
Pair = tuple[int, int]
Parts = Mapping[tuple[int | Pair, type], Any]
"""Statistics of a state by its number, and changes between two by both numbers."""


@dataclass(frozen=True, eq=False)
class Contrast:
    """What one site showed in every state, over the same samples.

    Args:
        match: the site in every state.
        nonfinite: samples with a NaN or an infinity in some state; they are in no other number.
        states: statistics of each state; empty where no sample was finite.
        changes: between the states of each pair wanted.
    """

    match: Match
    nonfinite: Nonfinite
    states: tuple[Mapping[type[Statistic], Any], ...]
    changes: Mapping[Pair, Changes]


@dataclass(frozen=True, eq=False)
class Contrasts:
    """What several states of a network showed on the same data.

    Args:
        states: what they are called.
        sites: what each site showed, in the order of the first state's graph.
        samples: number of samples seen.
        provenance: what the numbers were made with.
        notes: sentences a reader must know.
        not_analysable: (name, kind, reason) of every place that decides but could not be compared.
    """

    states: tuple[str, ...]
    sites: tuple[Contrast, ...]
    samples: int
    provenance: Mapping[str, Any]
    notes: tuple[str, ...]
    not_analysable: tuple[tuple[str, str, str], ...]


class Contraster:
    """Turns what one site shows in every state into statistics and keeps them merged.

    Args:
        match: the site in every state.
        pairs: the states to compare, as pairs of their numbers.
        capacity: of pattern tables.
        seed: of pattern keys.
        squares: most units whose co-moments are kept.
    """

    def __init__(self, match: Match, pairs: Sequence[Pair], *, capacity: int, seed: int, squares: int) -> None:
        self.match = match
        self._pairs = pairs
        self._capacity = capacity
        self._seed = seed
        self._squares = squares
        self._trees: dict[tuple[int | Pair, type], MergeTree[Any]] = {}
        self._nonfinite: MergeTree[Nonfinite] = MergeTree()

    def look(self, taps: Sequence[Sequence[Array]], index: NDArray[np.int64]) -> tuple[Nonfinite, Parts]:
        """What one run shows; nothing is kept yet.

        Args:
            taps: of each state the pre-activations, and the activations where they were tapped, each (sample,
                position, unit); more samples than numbers where a batch was filled up.
            index: number of each sample (sample,).

        Raises:
            ModelError: the states have different numbers of positions or units here.
        """
        blocks = [self._block(site.threshold, its, index) for site, its in zip(self.match.sites, taps, strict=True)]
        shapes = [block.z.shape for block in blocks]
        if len(set(shapes)) > 1:
            came = " and ".join(str(shape[1:]) for shape in dict.fromkeys(shapes))
            raise ModelError(
                f"site {self.match.name!r} wants the same positions and units in every model, came (positions, units) "
                f"{came}; leave it out with --sites"
            )
        if not blocks[0].z.size:
            return Nonfinite(0, 0, NONE), {}
        finite = np.logical_and.reduce([finite_samples(block) for block in blocks])
        spoilt = Nonfinite(0, 0, NONE)
        if not finite.all():
            values = sum(Nonfinite.of(block).values for block in blocks)
            spoilt = Nonfinite(values, int((~finite).sum()), int(index[~finite].min()))
            blocks = [
                Block(block.z[finite], None if block.h is None else block.h[finite], index[finite]) for block in blocks
            ]
        return spoilt, self._parts(blocks) if finite.any() else {}

    def take(self, spoilt: Nonfinite, parts: Parts) -> None:
        """Merge what one run showed with everything before it.

        Raises:
            StateError: the two do not merge: the number of units has changed.
        """
        self._nonfinite.add(spoilt)
        for key, part in parts.items():
            self._trees.setdefault(key, MergeTree()).add(part)

    def total(self) -> Contrast:
        """Everything taken so far."""
        found = {key: tree.total() for key, tree in self._trees.items()}
        states = tuple(
            {kind: part for (of, kind), part in found.items() if of == number}
            for number in range(len(self.match.sites))
        )
        changes = {of: part for (of, _), part in found.items() if isinstance(of, tuple)}
        return Contrast(self.match, self._nonfinite.total(), states, changes)

    def _block(self, threshold: float, taps: Sequence[Array], index: NDArray[np.int64]) -> Block:
        z, *activations = (as_float(each[: len(index)]) for each in taps)
        return Block(z - z.dtype.type(threshold) if threshold else z, activations[0] if activations else None, index)

    def _parts(self, blocks: Sequence[Block]) -> Parts:
        parts: dict[tuple[int | Pair, type], Any] = {}
        for number, block in enumerate(blocks):
            parts[number, UnitRanges] = UnitRanges.of(block)
            parts[number, Patterns] = Patterns.of(block, capacity=self._capacity, seed=self._seed)
            if block.z.shape[2] <= self._squares:
                parts[number, CoMoment] = CoMoment.of(block)
        patterns = [block.z > 0 for block in blocks]
        for a, b in self._pairs:
            parts[(a, b), Changes] = Changes.of_patterns(patterns[a], patterns[b])
        return parts
