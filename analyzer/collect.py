"""One site's statistics, gathered tap by tap."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sites import Site
from .stats import (
    Block,
    CoMoment,
    Nonfinite,
    Patterns,
    Statistic,
    Tree,
    classify,
    finite_samples,
    pattern_keys,
)
from .stats.nonfinite import NONE
from .taps import as_float, in_axes

Array = NDArray[Any]


class Collector:
    """Turns the taps of one site into statistics and keeps them merged.

    Args:
        site: the site.
        statistics: which statistics to keep.
        capacity: of pattern tables.
        seed: of pattern keys.
        every_position: count every (position, unit) as a unit of its own.
        squares: most units whose co-moments are kept, since they take units^2 numbers.
        keys: whether `add` gives out the keys of the patterns, for global patterns.
    """

    def __init__(
        self,
        site: Site,
        statistics: Sequence[type[Statistic]],
        *,
        capacity: int,
        seed: int,
        every_position: bool,
        squares: int,
        keys: bool,
    ) -> None:
        self.site = site
        self.units: int | None = None
        self._every_position = every_position
        self._squares = squares
        self._seed = seed if keys else None
        self._nonfinite = Nonfinite(0, 0, NONE)
        self._trees: dict[type[Statistic], Tree[Any]] = {kind: Tree() for kind in statistics}
        self._of: dict[type[Statistic], Callable[[Block], Statistic]] = {
            kind: partial(kind.of, capacity=capacity, seed=seed) if issubclass(kind, Patterns) else kind.of
            for kind in statistics
        }

    @property
    def wants_activation(self) -> bool:
        """Whether the activation has to be tapped too: a statistic reads it and it is not simply max(z, 0)."""
        return self.site.kind not in _RECTIFIERS and self.site.activation is not None and CoMoment in self._trees

    @property
    def values(self) -> tuple[str, ...]:
        """The values of the graph to tap."""
        return (self.site.value, str(self.site.activation)) if self.wants_activation else (self.site.value,)

    def add(
        self, z: Array, h: Array | None, index: NDArray[np.int64], labels: NDArray[np.int64] | None, *, batch: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Array | None]:
        """Take in what one run gave out for this site.

        Samples with a NaN or an infinity are counted and left out of every other statistic.

        Args:
            z: the tap of the pre-activation, in the model's own axes.
            h: the tap of the activation; None if it is not wanted.
            index: number of each sample (sample,); fewer than the batch where the batch was filled up.
            labels: class of each sample (sample,), or None.
            batch: how many samples were run.

        Returns:
            Whether each sample is a dead, and a linear, point here (sample,); the keys of its patterns
            (sample, position) if wanted.
        """
        count = len(index)
        dead, linear = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
        values = as_float(self._arranged(z, batch)[:count])
        if self.site.threshold:
            values = values - values.dtype.type(self.site.threshold)
        if not values.size:
            return dead, linear, None
        activations = None if h is None else as_float(self._arranged(h, batch)[:count])
        block = Block(values, activations, index, labels)
        self._nonfinite = self._nonfinite.merge(Nonfinite.of(block))
        good = finite_samples(block)
        if not good.all():
            if not good.any():
                return dead, linear, None
            block = Block(
                values[good],
                None if activations is None else activations[good],
                index[good],
                None if labels is None else labels[good],
            )
        self._see(block)
        dead[good], linear[good] = classify(block)
        return dead, linear, self._keys(block, good)

    def total(self) -> dict[type[Statistic], Any]:
        """Everything seen so far, by statistic; nothing if no finite sample was seen."""
        found: dict[type[Statistic], Any] = {}
        if self.units is not None:
            found = {kind: tree.total() for kind, tree in self._trees.items()}
        return found | {Nonfinite: self._nonfinite}

    def _see(self, block: Block) -> None:
        if self.units is None:
            self.units = block.z.shape[2]
            if self.units > self._squares:
                self._trees = {kind: tree for kind, tree in self._trees.items() if not issubclass(kind, CoMoment)}
        for kind, tree in self._trees.items():
            tree.add(self._of[kind](block))

    def _arranged(self, tap: Array, batch: int) -> Array:
        return in_axes(tap, self.site, batch=batch, every_position=self._every_position)

    def _keys(self, block: Block, good: NDArray[np.bool_]) -> Array | None:
        if self._seed is None or not good.all():
            return None
        return pattern_keys(block, seed=self._seed).reshape(len(good), -1)


_RECTIFIERS = frozenset({"relu", "max", "where", "mask", "quantize"})
"""Kinds whose activation is max(z, 0) and nothing else."""
