"""One pass over the data: run batches through onnxruntime and merge every statistic."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..data import Batch, InputSpec, fixed_batch
from ..data.batch import balanced_size, copy_batch, slice_batch
from ..errors import DataError, ModelError
from ..options import GLOBAL_PATTERNS
from ..sites import Site
from ..stats import MergeTree, Patterns, PointTraces, Statistic, global_keys
from ..stats.labelled import Accuracy
from .background_merge import BackgroundMerger
from .probe_runner import ProbeRunner
from .probe_setup import PORTABLE
from .tap_accumulator import BatchResult
from .tap_runner import TapRunner

Array = NDArray[Any]
OpenProbes = Callable[[Mapping[str, Array], int], ProbeRunner | None]
"""Opens a model with probes, given the tapped values of one run by name, and its number of samples."""
Callback = Callable[[Batch], None]

TAP_BYTES = 16 << 20
"""Size of all taps of one run: they fit a processor's cache, and the cost of starting a run is small in comparison."""
VALUE_BYTES = 8 << 20
"""Mean size of one value of a run that only probes read. The memory of a value is reused after the next layer, so the
number of values and their total size do not matter."""
PROOF = 3
"""Samples of the first run, if it is only to check the sample axes."""
PATIENCE = 3
"""Consecutive runs after which failing probes are turned off, or after which all runs are of single samples."""
MAX_SAMPLES = 2048
"""Maximum number of samples in one run."""


class Stream:
    """Runs batches and merges the statistics of every site.

    The first runs return taps, which show the shape of every value and are used to check the sample axes. Later runs
    use probes where a site allows one. A run that probes cannot count, for example one with NaN, is repeated with taps.

    Args:
        tap_runner: the model with taps.
        open_probes: opens the model with probes if a site allows one; None to use taps only.
        sites: every site of the model, also those that cannot be analysed.
        specs: the model's inputs.
        scores: the output with the class scores, if accuracy is computed.
        batch: samples in one run; None chooses by the size of the values.
        workers: threads that compute statistics, one site each.
        global_patterns: capacity and seed of the table of patterns of the whole network; None to count none.
        provenance: what determines the numbers, as a state records it.
        notes: sentences for the report.

    Attributes:
        backend: how the statistics are computed: PORTABLE, or the backend of the probes since they are in use.
        samples: number of samples merged.
    """

    def __init__(
        self,
        tap_runner: TapRunner,
        open_probes: OpenProbes | None,
        *,
        sites: Sequence[Site],
        specs: Sequence[InputSpec],
        scores: str | None,
        batch: int | None,
        workers: int,
        global_patterns: tuple[int, int] | None,
        provenance: Mapping[str, Any],
        notes: Iterable[str],
    ) -> None:
        self.sites = tuple(sites)
        self.specs = specs
        self.provenance = provenance
        self.notes = list(notes)
        self.samples = 0
        self.backend = PORTABLE
        self._tap_runner = tap_runner
        self._open_probes = open_probes
        self._probe_runner: ProbeRunner | None = None
        self._active_probes: ProbeRunner | None = None
        self._waiting: tuple[Batch, BatchResult] | None = None
        self._scores = scores
        self._fixed_batch = fixed_batch(specs)
        self._given_size = self._fixed_batch or batch
        self._tap_size = self._given_size
        self._probe_size = 1
        self._one_by_one = self._given_size == 1
        self._single_runs = 0
        self._failures = 0
        self._left_for_taps = 0
        self._workers = workers
        self._network: dict[str, MergeTree[Any]] = {}
        self._global_patterns = global_patterns

    def run(self, batches: Iterable[Batch], callback: Callback) -> None:
        """Run all batches.

        Args:
            batches: the data.
            callback: called after every run with the batch that was merged; its `arrays` is empty.

        Raises:
            ModelError: onnxruntime fails on a single sample.
            DataError: no axis of a site counts samples, or the output has no class scores.
            StateError: the number of units differs between runs.
        """
        with limit_blas(), ThreadPoolExecutor(self._workers) as pool:
            merger = BackgroundMerger(pool, self._workers)
            try:
                for batch in batches:
                    self._run_batch(batch, merger, callback)
                if self._waiting is not None:
                    self._merge(*self._waiting, merger, callback)
            finally:
                merger.finish()

    def statistics(self, *, last: bool = False) -> dict[str, dict[type[Statistic], Any]]:
        """Return the statistics of every site so far, by site name.

        Args:
            last: no run follows: free the memory of the accumulators.
        """
        with limit_blas():
            found = {each.site.name: each.total() for each in self._tap_runner.accumulators}
            for name, more in self._probe_runner.totals(last=last) if self._probe_runner is not None else ():
                its = found[name]
                both = {kind: its[kind].merge(part) if kind in its else part for kind, part in more.items()}
                found[name] = its | both
        return found

    def network(self) -> dict[str, Any]:
        """Return the statistics of the whole network so far, by name."""
        return {name: tree.total() for name, tree in self._network.items()}

    def _run_batch(self, batch: Batch, merger: BackgroundMerger, callback: Callback) -> None:
        """Run one batch of the data, in pieces of the size that suits the model."""
        start, count = 0, len(batch.index)
        while start < count:
            if self._waiting is not None:
                self._repeat_run(*self._waiting, merger, callback)
            piece = slice_batch(batch, self.specs, slice(start, start + balanced_size(count - start, self._size())))
            if self._active_probes is not None and not self._left_for_taps:
                result = self._run_probes(self._active_probes, piece, merger.pool)
            else:
                result = self._run_taps(piece, merger.pool)
            if result is None:
                continue
            self._plan(piece, result)
            if self._waiting is None:
                self._merge(piece, result, merger, callback)
            start += len(piece.index)
        if self._waiting is not None:  # the arrays of a batch are valid until the next batch is read
            piece, result = self._waiting
            self._waiting = copy_batch(piece), result

    def _size(self) -> int:
        """Return the number of samples in the next run."""
        if self._active_probes is not None and not self._left_for_taps:
            return self._probe_size
        size = self._tap_size or 1
        if self._open_probes is not None and self._given_size is None and not self._one_by_one:
            return max(size, PROOF)
        return min(size, self._left_for_taps or size)

    def _run_probes(self, runner: ProbeRunner, piece: Batch, pool: ThreadPoolExecutor) -> BatchResult | None:
        """Run some samples with probes; return None if they have to be run again with taps."""
        try:
            result = runner.run(piece, pool)
        except (ModelError, DataError) as error:
            self._left_for_taps = len(piece.index)
            self._failures += 1
            if self._failures == PATIENCE:
                self._active_probes = None
                self.notes.append(f"Counted without probes from sample {piece.index[0]} on: {error}.")
            return None
        self._failures = 0
        return result

    def _run_taps(self, piece: Batch, pool: ThreadPoolExecutor) -> BatchResult | None:
        """Run some samples with taps; return None if they have to be run again one by one."""
        size = len(piece.index)
        try:
            result = self._tap_runner.run(piece, pool)
        except (ModelError, DataError) as error:
            if size == 1 or self._fixed_batch:
                raise
            self._tap_size, self._one_by_one = 1, True
            self.notes.append(f"Run sample by sample: the model does not take a batch of {size} ({error}).")
            return None
        self._left_for_taps = max(0, self._left_for_taps - size)
        return result

    def _plan(self, piece: Batch, result: BatchResult) -> None:
        """Choose the size of later runs, and keep the run that completes the check of the sample axes in `_waiting`.

        Only if more data follows are probes worth the cost of opening them.
        """
        if self._open_probes is None and self._tap_size is not None:
            return
        size = self._fixed_batch or len(piece.index)
        if self._tap_size is None:
            every = sum(array.nbytes for array in result.outputs.values())
            self._tap_size = int(np.clip(TAP_BYTES * size // max(every, 1), 1, MAX_SAMPLES))
        self._single_runs += size == 1
        checked = self._tap_runner.checked or self._one_by_one or self._single_runs == PATIENCE
        if checked and self._open_probes is not None:
            self._waiting = piece, result

    def _repeat_run(self, piece: Batch, result: BatchResult, merger: BackgroundMerger, callback: Callback) -> None:
        """Open the probes, now that more data follows, and run the waiting samples again with them if possible."""
        self._waiting = None
        runner = self._start_probes(piece, result)
        again = None if runner is None else self._run_probes(runner, piece, merger.pool)
        self._left_for_taps = 0
        self._merge(piece, again or result, merger, callback)

    def _start_probes(self, piece: Batch, result: BatchResult) -> ProbeRunner | None:
        """Open the model with probes, if a site allows one, and choose the size of its runs."""
        open_probes, self._open_probes = self._open_probes, None
        if open_probes is None:
            return None
        self._tap_runner.release()
        batch = self._fixed_batch or len(piece.index)
        values = {value: result.outputs[name] for value, name in self._tap_runner.tapped.items()}
        try:
            runner = open_probes(values, batch)
        except ModelError as error:
            self.notes.append(f"Counted without probes: {error}.")
            return None
        if runner is None:
            return None
        self._probe_runner, self._active_probes, self.backend = runner, runner, runner.backend
        every, tapped = (max(1, sum(values[v].nbytes for v in names) // batch) for names in (values, runner.tapped))
        most = min(VALUE_BYTES // max(1, every // len(values)), TAP_BYTES // tapped)
        self._probe_size = self._given_size or (int(np.clip(most, 1, MAX_SAMPLES)) if self._tap_runner.checked else 1)
        return runner

    def _merge(self, piece: Batch, result: BatchResult, merger: BackgroundMerger, callback: Callback) -> None:
        """Merge one run: outputs of probes during the next run; taps, which are large, before it."""
        network, merged = self._network_statistics(piece, result), replace(piece, arrays={})
        traces = partial(self._merge_traces, result, piece.index)
        merger.start([*result.merges, traces], partial(self._complete_run, merged, network, callback))
        if self._active_probes is None:
            merger.finish()

    def _complete_run(self, merged: Batch, network: Mapping[str, Any], callback: Callback) -> None:
        """Merge the network's statistics of a run that all sites have merged."""
        for name, statistic in network.items():
            self._network.setdefault(name, MergeTree()).add(statistic)
        self.samples += len(merged.index)
        callback(merged)

    def _merge_traces(self, result: BatchResult, index: NDArray[np.int64]) -> None:
        dead, linear = (np.stack(each).T for each in zip(*((s.dead, s.linear) for s in result.sites), strict=True))
        self._network.setdefault(PointTraces.__name__, MergeTree()).add(PointTraces.of_classes(dead, linear, index))

    def _network_statistics(self, piece: Batch, result: BatchResult) -> dict[str, Any]:
        """Return the statistics of the whole network for one run, except the point traces."""
        sites = result.sites
        statistics: dict[str, Any] = {}
        if self._global_patterns is not None and (finite := np.logical_and.reduce([s.finite for s in sites])).any():
            capacity, seed = self._global_patterns
            keys = global_keys([s.keys[finite] for s in sites if s.keys is not None])
            statistics[GLOBAL_PATTERNS] = Patterns.of_keys(keys, units=0, capacity=capacity, seed=seed)
        if self._scores is not None and piece.labels is not None:
            statistics[Accuracy.__name__] = self._accuracy(result.outputs[self._scores], piece.labels)
        return statistics

    def _accuracy(self, scores: Array, labels: NDArray[np.int64]) -> Accuracy:
        batch = self._fixed_batch or len(labels)
        if batch > 1 and scores.shape[:1] != (batch,):
            raise DataError(
                f"output {self._scores!r}: expected one row of class scores for each of {batch} samples, got values of "
                f"shape {scores.shape}; name another output with --output"
            )
        rows = (scores[: len(labels)] if batch > 1 else scores).reshape(len(labels), -1)
        if labels.min() < 0 or labels.max() >= rows.shape[1]:
            raise DataError(
                f"expected labels from 0 to {rows.shape[1] - 1}, one for each score of output {self._scores!r}, got "
                f"{labels.min()} to {labels.max()}; correct the labels or name another output with --output"
            )
        return Accuracy.of_scores(rows, labels)


def limit_blas() -> threadpool_limits:
    """Limit BLAS to the calling thread: its own threads would compete with the workers and cost more than they gain."""
    return threadpool_limits(1, user_api="blas")
