"""A window: the merged statistics of a number of forward passes.

A unit is only dead over some data. Training has no fixed data, and the weights change from step to step, so every site
of a window's report states which steps and how many samples its numbers are about.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ....analyzer.errors import DataError
from ....analyzer.report import Report
from ....analyzer.runtime.tap_accumulator import SiteBatchResult, TapAccumulator
from ....analyzer.sites import Site
from ....analyzer.stats import MergeTree, PointTraces
from ..distributed import get_rank_and_world_size
from .reduce import STATISTICS, arrange, reduce_site
from .window_report import build_window_report, pack_statistic, unpack_statistic

_EMPTY = np.zeros(0, dtype=np.bool_)


class Window:
    """The statistics of some forward passes, by site.

    Args:
        capacity: maximum number of distinct patterns of a site that are counted exactly.
        squares: maximum number of units of a site for which VNI is computed.

    >>> import torch
    >>> window, z = Window(capacity=100, squares=100), torch.tensor([[1.0, -1.0], [2.0, -3.0]])
    >>> record = PassRecord(window)
    >>> record.see(Site("act", "", "relu", 1), z)
    >>> window.add_pass(record, step=7)
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
        self._accumulators: dict[str, TapAccumulator] = {}
        self._skipped: dict[str, tuple[str, str]] = {}
        self._traced_sites: tuple[str, ...] | None = None
        self._traces: MergeTree[PointTraces] = MergeTree()

    def reduce(self, site: Site, z: Tensor, index: NDArray[np.int64]) -> SiteBatchResult:
        """Return the statistics of pre-activations (sample, position, unit) without adding them."""
        return reduce_site(z, self._accumulator(site), index, capacity=self._capacity, squares=self._squares)

    def add_pass(self, record: "PassRecord", *, step: int, sites: Iterable[Site] = ()) -> None:
        """Merge the statistics of a forward pass.

        Args:
            record: of the pass.
            step: its number.
            sites: all sites of the pass; those with a `reason` are reported as not analysable.

        Raises:
            StateError: a site has another number of units than in earlier passes.
        """
        self._count(forwards=1, samples=record.samples, first=step, last=step)
        for site, result in record.results.values():
            self._accumulator(site).add(result)
        self._skipped |= {site.name: (site.kind, site.reason) for site in sites if site.reason is not None}
        self._skipped |= record.skipped
        self._add_traces(tuple(record.results), record.point_traces())

    def merge(self, state: Mapping[str, Any]) -> Self:
        """Merge the `state()` of another window: that of another process, or one from a checkpoint."""
        if state["forwards"]:
            self._count(**{name: state[name] for name in ("forwards", "samples", "first", "last")})
            for name, entry in state["sites"].items():
                parts = {type(statistic): statistic for statistic in map(unpack_statistic, entry["statistics"])}
                site = Site(name, "", entry["kind"], entry["unit_axis"])
                self._accumulator(site).add(SiteBatchResult(parts, _EMPTY, _EMPTY, _EMPTY, None))
            self._skipped |= {name: (kind, reason) for name, (kind, reason) in state["blind"].items()}
            traces = state["fates"]
            self._add_traces(tuple(state["followed"]), None if traces is None else unpack_statistic(traces))
        return self

    def state(self) -> dict[str, Any]:
        """Return everything that `merge` and `report` need, as plain numbers and tensors."""
        return {
            "forwards": self.forwards,
            "samples": self.samples,
            "first": self.first,
            "last": self.last,
            "sites": {
                name: {
                    "kind": accumulator.site.kind,
                    "unit_axis": accumulator.site.unit_axis,
                    "statistics": [pack_statistic(statistic) for statistic in accumulator.total().values()],
                }
                for name, accumulator in self._accumulators.items()
            },
            "blind": {name: list(reason) for name, reason in self._skipped.items()},
            "followed": list(self._traced_sites or ()),
            "fates": pack_statistic(self._traces.total()) if self._traced_sites else None,
        }

    def report(self, *, provenance: Mapping[str, Any]) -> Report:
        """Evaluate the analyzer's measures.

        Args:
            provenance: further entries on the origin of the report.
        """
        return build_window_report(
            {accumulator.site: accumulator.total() for accumulator in self._accumulators.values()},
            (self._traced_sites, self._traces.total()) if self._traced_sites else None,
            skipped=self._skipped,
            samples=self.samples,
            span={
                "window_forwards": self.forwards,
                "window_first_step": self.first,
                "window_last_step": self.last,
            },
            provenance=provenance,
        )

    def _accumulator(self, site: Site) -> TapAccumulator:
        if site.name not in self._accumulators:
            self._accumulators[site.name] = TapAccumulator(
                site,
                STATISTICS,
                capacity=self._capacity,
                seed=0,
                every_position=False,
                squares=self._squares,
                keys=False,
            )
        return self._accumulators[site.name]

    def _count(self, *, forwards: int, samples: int, first: int, last: int) -> None:
        self.first = min(self.first, first) if self.forwards else first
        self.last = max(self.last, last)
        self.forwards += forwards
        self.samples += samples

    def _add_traces(self, sites: tuple[str, ...], traces: PointTraces | None) -> None:
        """Merge point traces if every pass has the same sites; () means that the sites differed."""
        if self._traced_sites is None and traces is not None:
            self._traced_sites = sites
        if traces is None or sites != self._traced_sites:
            self._traced_sites, self._traces = (), MergeTree()
        else:
            self._traces.add(traces)


class PassRecord:
    """The statistics of one forward pass, recorded as the `Observer` of a capture; `begin()` starts over.

    The first axis of the first tensor counts the samples of the pass.

    Args:
        window: the window that the pass will be added to; it is not modified.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self.begin()

    def begin(self) -> bool:
        """Start a pass."""
        self.samples = 0
        self.results: dict[str, tuple[Site, SiteBatchResult]] = {}
        self.skipped: dict[str, tuple[str, str]] = {}
        self._start = self._window.samples
        self._same_samples = True
        return True

    def see(self, site: Site, z: Tensor) -> None:
        """Reduce the pre-activations of a site; a site without a sample axis is added to `skipped` with the reason."""
        rows = z.shape[0] if z.dim() else 1
        self.samples = self.samples or rows
        samples = self.samples if rows % max(self.samples, 1) == 0 else rows
        self._same_samples &= samples == self.samples
        try:
            view = arrange(z, site, samples=samples)
        except DataError as error:
            self.skipped[site.name] = (site.kind, str(error))
            return
        self.results[site.name] = site, self._window.reduce(site, view, self._index(samples))

    def end(self, output: Any) -> None:
        """End a pass; `Window.add_pass` adds it to the window."""

    def point_traces(self) -> PointTraces | None:
        """Return the traces of the points through all sites; None if the sites have different numbers of samples."""
        if not self._same_samples or not self.results:
            return None
        classes = zip(*((result.dead, result.linear) for _, result in self.results.values()), strict=True)
        dead, linear = (np.stack(each, axis=1) for each in classes)
        return PointTraces.of_classes(dead, linear, self._index(self.samples))

    def _index(self, samples: int) -> NDArray[np.int64]:
        """Return numbers for the samples of a pass that no other process uses (sample,)."""
        rank, world_size = get_rank_and_world_size()
        return (self._start + np.arange(samples, dtype=np.int64)) * world_size + rank
