"""Batches through a session, taps into statistics: the one walk over the data."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .collect import Collector
from .data import Batch, InputSpec, fixed_batch
from .data.feeds import along
from .errors import DataError, ModelError
from .session import Session
from .stats import Fates, Patterns, Tree, global_keys
from .stats.hits import Hits

Array = NDArray[Any]
TAP_BYTES = 16 << 20
"""What the taps of one run should take together: small enough to stay in a processor's cache, large enough to pay."""


class Stream:
    """Runs batches and keeps every statistic merged.

    Args:
        session: the instrumented model.
        collectors: one for each site, in order.
        tapped: the name under which the session gives out each value.
        specs: the model's inputs.
        scores: the output that decides, if accuracy is wanted.
        run_at_once: samples in one run; None: as many as keep the taps small.
        workers: threads that reduce taps beside each other.
        global_patterns: capacity and seed of a table of patterns of the whole network; None if it is not wanted.
    """

    def __init__(
        self,
        session: Session,
        collectors: Sequence[Collector],
        *,
        tapped: Mapping[str, str],
        specs: Sequence[InputSpec],
        scores: str | None,
        run_at_once: int | None,
        workers: int,
        global_patterns: tuple[int, int] | None,
    ) -> None:
        self.samples = 0
        self.notes: list[str] = []
        self._session = session
        self._collectors = collectors
        self._tapped = tapped
        self._specs = specs
        self._scores = scores
        self._fixed = fixed_batch(specs)
        self._at_once = self._fixed or run_at_once
        self._workers = workers
        self._network: dict[str, Tree[Any]] = {}
        self._global = global_patterns
        outputs = [tapped[value] for collector in collectors for value in collector.values]
        self._outputs = list(dict.fromkeys([*outputs, *([scores] if scores else [])]))

    def follow(self, batches: Iterable[Batch], *, seen: Callable[[Batch], None]) -> None:
        """Run all batches; `seen` is called after each.

        Raises:
            ModelError: the runtime fails on a single sample.
            DataError: samples cannot be told apart even one by one.
        """
        with ThreadPoolExecutor(self._workers) as pool:
            for batch in batches:
                self._take(batch, pool)
                seen(batch)

    def network(self) -> dict[str, Any]:
        """Statistics of the whole network so far."""
        return {name: tree.total() for name, tree in self._network.items()}

    def _take(self, batch: Batch, pool: ThreadPoolExecutor) -> None:
        """One batch of the data, in runs of the size that suits the model."""
        start, count = 0, len(batch.index)
        while start < count:
            size = min(self._at_once or 1, count - start)
            piece = _cut(batch, self._specs, slice(start, start + size))
            try:
                taps = self._run(piece)
                self._reduce(piece, taps, pool)
            except (ModelError, DataError) as error:
                if size == 1 or self._fixed:
                    raise
                self._at_once = 1
                self.notes.append(f"Run sample by sample: the model does not take a batch of {size} ({error}).")
                continue
            if self._at_once is None:
                largest = sum(tap.nbytes for tap in taps.values()) or 1
                self._at_once = int(np.clip(TAP_BYTES // largest, 1, 1024))
            start += size
        self.samples += count

    def _run(self, piece: Batch) -> dict[str, Array]:
        arrays = piece.arrays if self._fixed is None else _filled(piece, self._specs, self._fixed)
        return self._session.run(self._outputs, arrays)

    def _reduce(self, piece: Batch, taps: Mapping[str, Array], pool: ThreadPoolExecutor) -> None:
        """Every site's statistics, beside each other, then those of the network."""
        batch = self._fixed or len(piece.index)

        def add(collector: Collector) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Array | None]:
            site = collector.site
            h = taps[self._tapped[str(site.activation)]] if collector.wants_activation else None
            return collector.add(taps[self._tapped[site.value]], h, piece.index, piece.labels, batch=batch)

        dead, linear, keys = zip(*pool.map(add, self._collectors), strict=True)
        self._keep("Fates", Fates.of_classes(np.stack(dead, axis=1), np.stack(linear, axis=1), piece.index))
        if self._global is not None and all(k is not None for k in keys):
            capacity, seed = self._global
            every = global_keys(keys)
            self._keep("global_patterns", Patterns.of_keys(every, units=0, capacity=capacity, seed=seed))
        if self._scores is not None and piece.labels is not None:
            self._keep("Hits", Hits.of_scores(taps[self._scores][: len(piece.index)], piece.labels))

    def _keep(self, name: str, statistic: Any) -> None:
        self._network.setdefault(name, Tree()).add(statistic)


def _cut(batch: Batch, specs: Sequence[InputSpec], part: slice) -> Batch:
    if part.start == 0 and part.stop >= len(batch.index):
        return batch
    arrays = {s.name: along(batch.arrays[s.name], s.axis_of(batch.arrays[s.name].ndim), part) for s in specs}
    return Batch(arrays, batch.index[part], None if batch.labels is None else batch.labels[part])


def _filled(piece: Batch, specs: Sequence[InputSpec], size: int) -> dict[str, Array]:
    """The arrays of a short batch, filled up with its last sample to the size the model is fixed to."""
    missing = size - len(piece.index)
    if missing <= 0:
        return piece.arrays
    filled = {}
    for spec in specs:
        array = piece.arrays[spec.name]
        axis = spec.axis_of(array.ndim)
        last = array if axis is None else np.repeat(along(array, axis, slice(-1, None)), missing, axis=axis)
        filled[spec.name] = array if axis is None else np.concatenate([array, last], axis=axis)
    return filled
