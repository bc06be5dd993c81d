"""run_models: several models over the same batches, in one pass."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..data import Batch, InputSpec, fixed_batch
from ..data.batch import pad_batch, reverse_samples, slice_batch
from ..errors import DataError, ModelError
from ..runtime.preparation import InstrumentedModel
from ..runtime.tap_accumulator import in_axes, values_to_tap
from ..runtime.tap_runner import agree
from ..sites import Site
from ..stats import CoMoment
from .site_changes import ChangeAccumulator

Array = NDArray[Any]
RUN_BYTES = 32 << 20
"""Target size in bytes of the taps of all models in one run, if no batch is given."""


@dataclass(frozen=True, eq=False)
class ModelRunner:
    """Runs one of the compared models and returns the taps of its sites.

    Args:
        name: name of the model.
        opened: the model in a session, with its sites tapped.
        sites: the sites to compare, in the order of the first model's.
        inputs: for each of its inputs, the name of the array in a batch.
        every_position: count every (position, unit) as a unit.
    """

    name: str
    opened: InstrumentedModel
    sites: tuple[Site, ...]
    inputs: dict[str, str]
    every_position: bool = False

    @property
    def fixed(self) -> int | None:
        """The batch size to which the model is fixed; None if it takes any."""
        return fixed_batch(self.opened.specs)

    def run(self, batch: Batch) -> list[tuple[Array, ...]]:
        """Run the model on a batch.

        Returns:
            For each site its taps (sample, position, unit), padded to a fixed batch.

        Raises:
            ModelError: the runtime fails.
            DataError: a tap has no sample axis.
        """
        return self._run(self._arrays(batch), self.fixed or len(batch.index))

    def check_samples(self, batch: Batch, taps: Sequence[Sequence[Array]], first: Batch) -> None:
        """Check by value that the sample axis of every tap is right, since shapes may be ambiguous.

        The first sample alone must have the same values as in the batch; if the model is fixed to its batch, the
        reversed batch must have the reversed values.

        Args:
            batch: some samples.
            taps: their taps.
            first: the first of the samples.

        Raises:
            DataError: the values differ.
        """
        if self.fixed:
            turned = reverse_samples(self._arrays(batch), self.opened.specs)
            others = [tuple(each[::-1] for each in its) for its in self._run(turned, self.fixed)]
        else:
            others = self.run(first)
        for site, its, many in zip(self.sites, others, taps, strict=True):
            if not all(agree(a, b[: len(a)]) for a, b in zip(its, many, strict=True)):
                raise DataError(
                    f"site {site.name!r} of {self.name}: expected the same values for a sample in a batch and alone, "
                    "got different values; exclude the site with --sites"
                )

    def _arrays(self, batch: Batch) -> dict[str, Array]:
        specs = self.opened.specs
        arrays = {spec.name: batch.arrays[self.inputs[spec.name]].astype(spec.dtype, copy=False) for spec in specs}
        return dict(pad_batch(Batch(arrays, batch.index, None), specs, self.fixed or 0))

    def _run(self, arrays: dict[str, Array], size: int) -> list[tuple[Array, ...]]:
        values = [values_to_tap(site, (CoMoment,)) for site in self.sites]
        outputs = [self.opened.tapped[value] for its in values for value in its]
        taps = self.opened.session.run(list(dict.fromkeys(outputs)), arrays)
        return [
            tuple(
                in_axes(taps[self.opened.tapped[value]], site, batch=size, every_position=self.every_position)
                for value in its
            )
            for site, its in zip(self.sites, values, strict=True)
        ]


def run_models(
    runners: Sequence[ModelRunner],
    accumulators: Sequence[ChangeAccumulator],
    batches: Iterable[Batch],
    *,
    specs: Sequence[InputSpec],
    run_at_once: int | None,
    workers: int,
    progress: Callable[[int], None] | None = None,
) -> tuple[int, tuple[str, ...]]:
    """Run every model over the same batches and accumulate the statistics of every site.

    Args:
        runners: one for each model.
        accumulators: one for each site.
        batches: the data.
        specs: inputs of the first model, which are the arrays of a batch.
        run_at_once: samples in one run; None chooses by the size of the taps.
        workers: number of threads that reduce taps.
        progress: called with the number of samples after every run.

    Returns:
        The number of samples, and notes on how they were run.

    Raises:
        ModelError: the runtime fails on a single sample, or the positions or units of a site differ between models.
        DataError: a tap has no sample axis even for a single sample.
        StateError: the number of units of a site has changed between runs.
    """
    fixed = min((runner.fixed for runner in runners if runner.fixed), default=None)
    at_once, samples, checked = fixed or run_at_once, 0, False
    notes: list[str] = []
    # With BLAS threads in every worker, the workers would compete for the same cores.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        for batch in batches:
            start = 0
            while start < len(batch.index):
                piece = slice_batch(batch, specs, slice(start, start + (at_once or 1)))
                size = len(piece.index)
                try:
                    taps = [runner.run(piece) for runner in runners]
                    checked = checked or _check_samples(runners, piece, taps, specs)
                except (ModelError, DataError) as error:
                    if size == 1 or fixed:
                        raise
                    at_once = 1
                    notes.append(f"Run sample by sample: a model does not take a batch of {size} ({error}).")
                    continue
                _accumulate(accumulators, taps, piece.index, pool)
                samples += size
                start += size
                if at_once is None:
                    largest = sum(tap.nbytes for sites in taps for its in sites for tap in its) or 1
                    at_once = int(np.clip(RUN_BYTES // largest, 1, 1024))
                if progress is not None:
                    progress(size)
    return samples, tuple(notes)


def _check_samples(
    runners: Sequence[ModelRunner], batch: Batch, taps: Sequence[Sequence[Sequence[Array]]], specs: Sequence[InputSpec]
) -> bool:
    """Check the taps of every model that ran more than one sample; return whether there is such a model."""
    several = [(runner.fixed or len(batch.index)) > 1 for runner in runners]
    if any(several):
        first = slice_batch(batch, specs, slice(0, 1))
        for runner, its, more in zip(runners, taps, several, strict=True):
            if more:
                runner.check_samples(batch, its, first)
    return any(several)


def _accumulate(
    accumulators: Sequence[ChangeAccumulator],
    taps: Sequence[Sequence[Sequence[Array]]],
    index: NDArray[np.int64],
    pool: ThreadPoolExecutor,
) -> None:
    by_site = zip(*taps, strict=True)
    statistics = list(pool.map(lambda each, its: each.reduce(its, index), accumulators, by_site))
    list(pool.map(lambda each, its: each.add(*its), accumulators, statistics))
