"""Batches through a session, what it gives out into statistics: the one walk over the data."""

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
from ..options import GLOBAL
from ..stats import MergeTree, Patterns, PointTraces, Statistic, global_keys
from ..stats.hits import Accuracy
from .background_merge import BackgroundMerger
from .probe_runner import ProbeRunner
from .probe_setup import PORTABLE, Layout, Probing
from .tap_accumulator import BatchResult
from .tap_runner import TapRunner

Array = NDArray[Any]
TAP_BYTES = 16 << 20
"""What the taps of one run should take together: small enough to stay in a processor's cache, large enough to pay."""
VALUE_BYTES = 8 << 20
"""What a value of one run should take in the mean where only probes read it: with the next layer it is gone, so that
what all of them take together, and how many they are, does not matter."""
PROOF = 3
"""Samples that are run to see that those of a batch are told apart rightly, where taps come out for that only."""
PATIENCE = 3
"""Runs in a row after which hope is given up: that probes can count, or that more than one sample will come."""
MOST = 2048
"""Samples in one run at most."""


class Stream:
    """Runs batches and keeps every statistic merged.

    The first runs give out taps; they show how the values lie, and prove it. From then on probes read them, where
    there are any. What probes cannot count, like samples with NaN, is run once more with taps.

    Args:
        tapped: the model with taps.
        probing: puts probes into it; None if taps are to serve throughout.
        specs: the model's inputs.
        scores: the output that decides, if accuracy is wanted.
        run_at_once: samples in one run; None: as many as suit the size of what is read.
        workers: threads that reduce what came out beside each other.
        global_patterns: capacity and seed of a table of patterns of the whole network; None if it is not wanted.
    """

    def __init__(
        self,
        tapped: TapRunner,
        probing: Probing | None,
        *,
        specs: Sequence[InputSpec],
        scores: str | None,
        run_at_once: int | None,
        workers: int,
        global_patterns: tuple[int, int] | None,
    ) -> None:
        self.samples = 0
        self.notes: list[str] = []
        self.way = PORTABLE
        self._tapped = tapped
        self._probing = probing
        self._held: tuple[Batch, BatchResult, Layout] | None = None
        self._probed: ProbeRunner | None = None
        self._reading: ProbeRunner | None = None
        self._specs = specs
        self._scores = scores
        self._fixed = fixed_batch(specs)
        self._chosen = self._fixed or run_at_once
        self._tap_size = self._chosen
        self._probe_size = 1
        self._alone = self._chosen == 1
        self._owed = 0
        self._failed = 0
        self._singles = 0
        self._workers = workers
        self._network: dict[str, MergeTree[Any]] = {}
        self._global = global_patterns

    def follow(self, batches: Iterable[Batch], *, seen: Callable[[Batch], None]) -> None:
        """Run all batches; `seen` is called after every run with the samples it took in, but not their arrays.

        Raises:
            ModelError: the runtime fails on a single sample.
            DataError: samples cannot be told apart even one by one, or there are no class scores to compare.
            StateError: two runs do not merge: the number of units has changed.
        """
        with _blas_alone(), ThreadPoolExecutor(self._workers) as pool:
            intake = BackgroundMerger(pool, self._workers)
            try:
                for batch in batches:
                    self._take(batch, intake, seen)
                if self._held is not None:
                    piece, sight, _ = self._held
                    self._keep(piece, sight, intake, seen)
            finally:
                intake.finish()

    def statistics(self, *, last: bool = False) -> dict[str, dict[type[Statistic], Any]]:
        """Statistics of every site so far, by its name; `last` if nothing follows, so that memory can be given up."""
        with _blas_alone():
            found = {each.site.name: each.total() for each in self._tapped.collectors}
            for name, more in self._probed.totals(last=last) if self._probed is not None else ():
                its = found[name]
                both = {kind: its[kind].merge(part) if kind in its else part for kind, part in more.items()}
                found[name] = its | both
        return found

    def network(self) -> dict[str, Any]:
        """Statistics of the whole network so far."""
        return {name: tree.total() for name, tree in self._network.items()}

    def _take(self, batch: Batch, intake: BackgroundMerger, seen: Callable[[Batch], None]) -> None:
        """One batch of the data, in runs of the size that suits the model."""
        start, count = 0, len(batch.index)
        while start < count:
            if self._held is not None:
                self._go_on(*self._held, intake, seen)
            piece = slice_batch(batch, self._specs, slice(start, start + balanced_size(count - start, self._size())))
            if self._run(piece, intake, seen):
                start += len(piece.index)
        if self._held is not None:  # the arrays of a batch are valid until the next one is asked for
            piece, sight, layout = self._held
            self._held = copy_batch(piece), sight, layout

    def _run(self, piece: Batch, intake: BackgroundMerger, seen: Callable[[Batch], None]) -> bool:
        """Some samples; whether they are taken in, else they have to be run in another way."""
        if self._reading is not None and not self._owed:
            sight = self._read(self._reading, piece, intake.pool)
        else:
            sight = self._tap(piece, intake.pool)
        if sight is None:
            return False
        if not self._plan(piece, sight):
            self._keep(piece, sight, intake, seen)
        return True

    def _size(self) -> int:
        """How many samples to run next."""
        if self._reading is not None and not self._owed:
            return self._probe_size
        size = self._tap_size or 1
        if self._probing is not None and self._chosen is None and not self._alone:
            return max(size, PROOF)
        return min(size, self._owed or size)

    def _read(self, probed: ProbeRunner, piece: Batch, pool: ThreadPoolExecutor) -> BatchResult | None:
        try:
            sight = probed.look(piece, pool)
        except (ModelError, DataError) as error:
            self._owed = len(piece.index)
            self._failed += 1
            if self._failed == PATIENCE:
                self._reading = None
                self.notes.append(f"Read without probes from sample {piece.index[0]} on: {error}.")
            return None
        self._failed = 0
        return sight

    def _tap(self, piece: Batch, pool: ThreadPoolExecutor) -> BatchResult | None:
        size = len(piece.index)
        try:
            sight = self._tapped.look(piece, pool)
        except (ModelError, DataError) as error:
            if size == 1 or self._fixed:
                raise
            self._tap_size, self._alone = 1, True
            self.notes.append(f"Run sample by sample: the model does not take a batch of {size} ({error}).")
            return None
        self._owed = max(0, self._owed - size)
        return sight

    def _plan(self, piece: Batch, sight: BatchResult) -> bool:
        """See from the first runs how to go on: how many samples at once, and with probes once the layout is proven.

        Returns:
            whether these samples prove it; they are then held, and taken in as soon as it is known if others follow.
        """
        if self._probing is None and self._tap_size is not None:
            return False
        size = self._fixed or len(piece.index)
        if self._tap_size is None:
            every = sum(array.nbytes for array in sight.outputs.values())
            self._tap_size = int(np.clip(TAP_BYTES * size // max(every, 1), 1, MOST))
        self._singles += size == 1
        proven = self._tapped.proven or self._alone or self._singles == PATIENCE
        if proven and self._probing is not None:
            values = {value: sight.outputs[name] for value, name in self._tapped.tapped.items()}
            self._held = piece, sight, Layout.of(values, batch=size)
        return self._held is not None

    def _go_on(
        self, piece: Batch, sight: BatchResult, layout: Layout, intake: BackgroundMerger, seen: Callable[[Batch], None]
    ) -> None:
        """Others follow the samples that were held: probes read these too, if there is a site that one can serve."""
        self._held = None
        probed = self._probe(layout)
        again = None if probed is None else self._read(probed, piece, intake.pool)
        self._owed = 0
        self._keep(piece, again or sight, intake, seen)

    def _probe(self, layout: Layout) -> ProbeRunner | None:
        """Go on with probes, if there is a site that one can serve."""
        probing, self._probing = self._probing, None
        if probing is None:
            return None
        self._tapped.rest()
        try:
            probed = probing.open(self._tapped.collectors, layout)
        except ModelError as error:
            self.notes.append(f"Read without probes: {error}.")
            return None
        if probed is None:
            return None
        self._reading = self._probed = probed
        self.way = probing.way
        mean = max(1, layout.weight(layout.values) // len(layout.values))
        most = min(VALUE_BYTES // mean, TAP_BYTES // layout.weight(probed.tapped))
        self._probe_size = self._chosen or (int(np.clip(most, 1, MOST)) if self._tapped.proven else 1)
        return probed

    def _keep(self, piece: Batch, sight: BatchResult, intake: BackgroundMerger, seen: Callable[[Batch], None]) -> None:
        """Take in what one run showed: numbers of probes while the next one runs; taps, which are large, at once."""
        network, run = self._of_network(piece, sight), replace(piece, arrays={})
        fates = partial(self._keep_fates, sight, piece.index)
        intake.begin([*sight.keep, fates], partial(self._kept, run, network, seen))
        if self._reading is None:
            intake.finish()

    def _kept(self, run: Batch, network: Mapping[str, Any], seen: Callable[[Batch], None]) -> None:
        """All sites have taken a run in; its arrays may be gone by now."""
        for name, statistic in network.items():
            self._network.setdefault(name, MergeTree()).add(statistic)
        self.samples += len(run.index)
        seen(run)

    def _keep_fates(self, sight: BatchResult, index: NDArray[np.int64]) -> None:
        dead, linear = (np.stack(each).T for each in zip(*((f.dead, f.linear) for f in sight.found), strict=True))
        self._network.setdefault(PointTraces.__name__, MergeTree()).add(PointTraces.of_classes(dead, linear, index))

    def _of_network(self, piece: Batch, sight: BatchResult) -> dict[str, Any]:
        """What one run shows of the network as a whole, but for the fates."""
        found = sight.found
        statistics: dict[str, Any] = {}
        if self._global is not None and (finite := np.logical_and.reduce([f.finite for f in found])).any():
            capacity, seed = self._global
            keys = global_keys([f.keys[finite] for f in found if f.keys is not None])
            statistics[GLOBAL] = Patterns.of_keys(keys, units=0, capacity=capacity, seed=seed)
        if self._scores is not None and piece.labels is not None:
            statistics[Accuracy.__name__] = self._hits(sight.outputs[self._scores], piece.labels)
        return statistics

    def _hits(self, scores: Array, labels: NDArray[np.int64]) -> Accuracy:
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
        return Accuracy.of_scores(rows, labels)


def _blas_alone() -> threadpool_limits:
    """Lets BLAS compute in the thread that calls it.

    Threads of its own would fight for the cores with the workers, and with whoever else is busy: it waits for them
    longer than our products take.
    """
    return threadpool_limits(1, user_api="blas")
