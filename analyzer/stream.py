"""Batches through a session, taps into statistics: the one walk over the data."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from .collect import Collector, Seen
from .data import Batch, InputSpec, fixed_batch
from .errors import DataError, ModelError
from .options import GLOBAL
from .pieces import backwards, cut, filled
from .session import Session
from .stats import Fates, Patterns, Tree, global_keys
from .stats.hits import Hits
from .taps import agree

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
        self._proven = False
        self._workers = workers
        self._network: dict[str, Tree[Any]] = {}
        self._global = global_patterns
        outputs = [tapped[value] for collector in collectors for value in collector.values]
        self._outputs = list(dict.fromkeys([*outputs, *([scores] if scores else [])]))

    def follow(self, batches: Iterable[Batch], *, seen: Callable[[Batch], None]) -> None:
        """Run all batches; `seen` is called after every run with the samples it took in.

        Raises:
            ModelError: the runtime fails on a single sample.
            DataError: samples cannot be told apart even one by one, or there are no class scores to compare.
            StateError: two runs do not merge: the number of units has changed.
        """
        # Were BLAS to start threads of its own in every worker, they would fight for the same cores.
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(self._workers) as pool:
            for batch in batches:
                self._take(batch, pool, seen)

    def network(self) -> dict[str, Any]:
        """Statistics of the whole network so far."""
        return {name: tree.total() for name, tree in self._network.items()}

    def _take(self, batch: Batch, pool: ThreadPoolExecutor, seen: Callable[[Batch], None]) -> None:
        """One batch of the data, in runs of the size that suits the model."""
        start, count = 0, len(batch.index)
        while start < count:
            size = min(self._at_once or 1, count - start)
            piece = cut(batch, self._specs, slice(start, start + size))
            try:
                taps = self._run(piece)
                arranged = self._arranged(taps, batch=self._fixed or size)
                if (self._fixed or size) > 1:
                    self._prove(piece, arranged)
            except (ModelError, DataError) as error:
                if size == 1 or self._fixed:
                    raise
                self._at_once = 1
                self.notes.append(f"Run sample by sample: the model does not take a batch of {size} ({error}).")
                continue
            self._reduce(piece, taps, arranged, pool, seen)
            if self._at_once is None:
                largest = sum(tap.nbytes for tap in taps.values()) or 1
                self._at_once = int(np.clip(TAP_BYTES // largest, 1, 1024))
            del taps, arranged  # or they would stand in memory beside those of the next run
            start += size

    def _run(self, piece: Batch) -> dict[str, Array]:
        arrays = piece.arrays if self._fixed is None else filled(piece, self._specs, self._fixed)
        return self._session.run(self._outputs, arrays)

    def _arranged(self, taps: Mapping[str, Array], *, batch: int) -> list[tuple[Array, ...]]:
        """The taps of every site in our axes."""
        return [
            collector.arrange([taps[self._tapped[value]] for value in collector.values], batch=batch)
            for collector in self._collectors
        ]

    def _prove(self, piece: Batch, arranged: Sequence[Sequence[Array]]) -> None:
        """See, once, that the samples of a batch are told apart rightly at every site.

        Shapes alone do not tell: time may stand before the samples, or both be flattened together in either order.
        The first sample alone must give what it gives in the batch; where the model is fixed to its batch, the batch
        the other way round must give the same values the other way round.

        Raises:
            DataError: it does not.
        """
        if self._proven:
            return
        if self._fixed:
            turned = self._session.run(self._outputs, backwards(filled(piece, self._specs, self._fixed), self._specs))
            others = [tuple(each[::-1] for each in its) for its in self._arranged(turned, batch=self._fixed)]
        else:
            others = self._arranged(self._run(cut(piece, self._specs, slice(0, 1))), batch=1)
        for collector, its, many in zip(self._collectors, others, arranged, strict=True):
            if not all(agree(a, b[: len(a)]) for a, b in zip(its, many, strict=True)):
                raise DataError(f"site {collector.site.name!r}: {self._unproven}")
        self._proven = True

    @property
    def _unproven(self) -> str:
        if self._fixed:
            return (
                f"the {self._fixed} samples of a batch, to which the model is fixed, cannot be told apart "
                "in its values; leave the site out with --sites, or export the model for a batch of 1"
            )
        return "a sample in a batch gives other values than alone"

    def _reduce(
        self,
        piece: Batch,
        taps: Mapping[str, Array],
        arranged: Sequence[Sequence[Array]],
        pool: ThreadPoolExecutor,
        seen: Callable[[Batch], None],
    ) -> None:
        """The statistics of one run, every site beside the others, and then all of them taken in."""
        found = list(pool.map(lambda each, its: each.look(its, piece.index, piece.labels), self._collectors, arranged))
        network = self._of_network(piece, taps, found)
        jobs = [pool.submit(each.take, its) for each, its in zip(self._collectors, found, strict=True)]
        try:
            wait(jobs)
        finally:
            # Broken off here, all of it is taken in first: a state that is saved then never holds half a run.
            wait(jobs)
            for job in jobs:
                job.result()
            for name, statistic in network.items():
                self._network.setdefault(name, Tree()).add(statistic)
            self.samples += len(piece.index)
            seen(piece)

    def _of_network(self, piece: Batch, taps: Mapping[str, Array], found: Sequence[Seen]) -> dict[str, Any]:
        """What one run shows of the network as a whole."""
        dead, linear = (np.stack(each, axis=1) for each in zip(*((f.dead, f.linear) for f in found), strict=True))
        statistics: dict[str, Any] = {"Fates": Fates.of_classes(dead, linear, piece.index)}
        finite = np.logical_and.reduce([f.finite for f in found])
        if self._global is not None and finite.any():
            capacity, seed = self._global
            keys = global_keys([f.keys[finite] for f in found if f.keys is not None])
            statistics[GLOBAL] = Patterns.of_keys(keys, units=0, capacity=capacity, seed=seed)
        if self._scores is not None and piece.labels is not None:
            statistics["Hits"] = self._hits(taps[self._scores], piece.labels)
        return statistics

    def _hits(self, scores: Array, labels: NDArray[np.int64]) -> Hits:
        batch = self._fixed or len(labels)
        if batch > 1 and scores.shape[:1] != (batch,):
            raise DataError(
                f"output {self._scores!r} wants one row of class scores per sample, came values of shape "
                f"{scores.shape} for {batch} samples; name another with --output"
            )
        rows = (scores[: len(labels)] if batch > 1 else scores).reshape(len(labels), -1)
        if labels.min() < 0 or labels.max() >= rows.shape[1]:
            raise DataError(
                f"labels are classes from 0 to {rows.shape[1] - 1}, the scores of output {self._scores!r}; "
                f"came {labels.min()} to {labels.max()}"
            )
        return Hits.of_scores(rows, labels)
