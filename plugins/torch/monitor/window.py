"""A window: what the forwards of a stretch of training showed together, merged.

A unit is only dead over some data. Training has no fixed data: the weights move from step to step. A window says which
steps and how many samples stand behind a number, and every site of its report carries that.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import numpy as np
from torch import Tensor

from ....analyzer.errors import DataError
from ....analyzer.report import Report
from ....analyzer.runtime.tap_accumulator import SiteBatchResult, TapAccumulator
from ....analyzer.sites import Site
from ....analyzer.stats import MergeTree, PointTraces
from ..distributed import place
from .reduce import STATISTICS, arranged, reduced
from .window_report import packed, told, unpacked


class Forward:
    """The statistics of one forward; the first axis of what it meets first counts its samples.

    Args:
        start: how many samples this process has seen before; samples are numbered across processes in turns.
        collector: gives the collector of a site, which is only asked.
        capacity: of pattern tables.
        squares: most units whose co-moments are kept.
    """

    def __init__(self, start: int, collector: Callable[[Site], TapAccumulator], *, capacity: int, squares: int) -> None:
        self.samples = 0
        self.seen: dict[str, tuple[Site, SiteBatchResult]] = {}
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

    def fates(self) -> PointTraces | None:
        """What became of the points; None if they cannot be followed through all sites."""
        if not self._alike or not self.seen:
            return None
        classes = zip(*((seen.dead, seen.linear) for _, seen in self.seen.values()), strict=True)
        dead, linear = (np.stack(each, axis=1) for each in classes)
        return PointTraces.of_classes(dead, linear, self._index(self.samples))

    def _index(self, samples: int) -> np.ndarray:
        rank, world = place()
        return (self._start + np.arange(samples, dtype=np.int64)) * world + rank


_NOBODY = np.zeros(0, dtype=np.bool_)


class Window:
    """The statistics of some forwards, site by site.

    Args:
        capacity: most distinct patterns of a site that are counted exactly.
        squares: most units of a site for which VNI is computed.

    >>> import torch
    >>> window, z = Window(capacity=100, squares=100), torch.tensor([[1.0, -1.0], [2.0, -3.0]])
    >>> forward = window.forward()
    >>> forward.see(Site("act", "", "relu", 1), z)
    >>> window.take(forward, step=7)
    >>> window.report(provenance={})["act"].dead_units
    (1,)
    """

    def __init__(self, *, capacity: int, squares: int) -> None:
        self.forwards = 0
        self.samples = 0
        self.first = 0
        self.last = 0
        self._capacity = capacity
        self._squares = squares
        self._collectors: dict[str, TapAccumulator] = {}
        self._blind: dict[str, tuple[str, str]] = {}
        self._followed: tuple[str, ...] | None = None
        self._fates: MergeTree[PointTraces] = MergeTree()

    def forward(self) -> Forward:
        """A forward that begins now; `take` it when it has returned."""
        return Forward(self.samples, self._collector, capacity=self._capacity, squares=self._squares)

    def take(self, forward: Forward, *, step: int, sites: Iterable[Site] = ()) -> None:
        """Add what a forward has shown.

        Args:
            forward: what `forward()` gave.
            step: its number.
            sites: those it went through; the ones with a reason are told as not analysable.

        Raises:
            StateError: a site has another number of units than in the forwards before.
        """
        self._count(forwards=1, samples=forward.samples, first=step, last=step)
        for site, seen in forward.seen.values():
            self._collector(site).add(seen)
        self._blind |= {site.name: (site.kind, site.reason) for site in sites if site.reason is not None}
        self._blind |= forward.blind
        self._follow(tuple(forward.seen), forward.fates())

    def add(self, state: Mapping[str, Any]) -> Self:
        """Take in what another window saw: that of another process, or this one's before it was stopped."""
        if state["forwards"]:
            self._count(**{name: state[name] for name in ("forwards", "samples", "first", "last")})
            for name, of in state["sites"].items():
                parts = {type(statistic): statistic for statistic in map(unpacked, of["statistics"])}
                site = Site(name, "", of["kind"], of["unit_axis"])
                self._collector(site).add(SiteBatchResult(parts, _NOBODY, _NOBODY, _NOBODY, None))
            self._blind |= {name: (kind, why) for name, (kind, why) in state["blind"].items()}
            fates = state["fates"]
            self._follow(tuple(state["followed"]), None if fates is None else unpacked(fates))
        return self

    def state(self) -> dict[str, Any]:
        """Everything seen, as plain numbers and tensors."""
        return {
            "forwards": self.forwards,
            "samples": self.samples,
            "first": self.first,
            "last": self.last,
            "sites": {
                name: {
                    "kind": collector.site.kind,
                    "unit_axis": collector.site.unit_axis,
                    "statistics": [packed(statistic) for statistic in collector.total().values()],
                }
                for name, collector in self._collectors.items()
            },
            "blind": {name: list(why) for name, why in self._blind.items()},
            "followed": list(self._followed or ()),
            "fates": packed(self._fates.total()) if self._followed else None,
        }

    def report(self, *, provenance: Mapping[str, Any]) -> Report:
        """What it all means, by the analyzer's formulas.

        Args:
            provenance: what else to say of its making.
        """
        return told(
            {collector.site: collector.total() for collector in self._collectors.values()},
            (self._followed, self._fates.total()) if self._followed else None,
            blind=self._blind,
            samples=self.samples,
            span={
                "window_forwards": self.forwards,
                "window_first_step": self.first,
                "window_last_step": self.last,
            },
            provenance=provenance,
        )

    def _collector(self, site: Site) -> TapAccumulator:
        if site.name not in self._collectors:
            self._collectors[site.name] = TapAccumulator(
                site,
                STATISTICS,
                capacity=self._capacity,
                seed=0,
                every_position=False,
                squares=self._squares,
                keys=False,
            )
        return self._collectors[site.name]

    def _count(self, *, forwards: int, samples: int, first: int, last: int) -> None:
        self.first = min(self.first, first) if self.forwards else first
        self.last = max(self.last, last)
        self.forwards += forwards
        self.samples += samples

    def _follow(self, through: tuple[str, ...], fates: PointTraces | None) -> None:
        """Points can be followed as long as every forward goes through the same sites; () says that one did not."""
        if self._followed is None and fates is not None:
            self._followed = through
        if fates is None or through != self._followed:
            self._followed, self._fates = (), MergeTree()
        else:
            self._fates.add(fates)
