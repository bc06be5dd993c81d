"""A forward: what the sites of one pass of the model show, kept apart until the pass has returned."""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from ...analyzer.errors import DataError
from ...analyzer.runtime.tap_accumulator import Collector, Seen
from ...analyzer.sites import Site
from ...analyzer.stats import Fates
from .ranks import place
from .reduce import arranged, reduced


class Forward:
    """The statistics of one forward; the first axis of what it meets first counts its samples.

    Args:
        start: how many samples this process has seen before; samples are numbered across processes in turns.
        collector: gives the collector of a site, which is only asked.
        capacity: of pattern tables.
        squares: most units whose co-moments are kept.
    """

    def __init__(self, start: int, collector: Callable[[Site], Collector], *, capacity: int, squares: int) -> None:
        self.samples = 0
        self.seen: dict[str, tuple[Site, Seen]] = {}
        self.blind: dict[str, tuple[str, str]] = {}
        self._start = start
        self._collector = collector
        self._capacity = capacity
        self._squares = squares
        self._alike = True

    def see(self, site: Site, z: Tensor) -> None:
        """Reduce what a site reads; a site whose samples cannot be told apart goes to `blind`, with the reason."""
        rows = z.shape[0] if z.dim() else 1
        self.samples = self.samples or rows
        samples = self.samples if rows % max(self.samples, 1) == 0 else rows
        self._alike &= samples == self.samples
        try:
            view = arranged(z, site, samples=samples)
        except DataError as error:
            self.blind[site.name] = (site.kind, str(error))
            return
        seen = reduced(
            view, self._collector(site), self._index(samples), capacity=self._capacity, squares=self._squares
        )
        self.seen[site.name] = site, seen

    def fates(self) -> Fates | None:
        """What became of the points; None if they cannot be followed through all sites."""
        if not self._alike or not self.seen:
            return None
        classes = zip(*((seen.dead, seen.linear) for _, seen in self.seen.values()), strict=True)
        dead, linear = (np.stack(each, axis=1) for each in classes)
        return Fates.of_classes(dead, linear, self._index(self.samples))

    def _index(self, samples: int) -> np.ndarray:
        rank, world = place()
        return (self._start + np.arange(samples, dtype=np.int64)) * world + rank
