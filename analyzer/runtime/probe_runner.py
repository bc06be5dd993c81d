"""Run a model with probes: the session returns reduced numbers of each site, and taps only where no probe fits."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from numpy.typing import NDArray

from ..data import Batch, InputSpec, fixed_batch
from ..errors import DataError
from ..stats import Statistic
from .probe_accumulator import ProbeAccumulator
from .session import Session
from .tap_accumulator import BatchResult, TapAccumulator

Array = NDArray[Any]


class ProbeRunner:
    """Runs samples through a model with probes.

    Args:
        session: the model with its probes, and taps for the sites without a probe.
        accumulators: one for each site, in order.
        probed: the accumulator of each site with a probe, by site name.
        outputs: for each such site the session output of each of its numbers, by site name and number.
        tapped: the session output of each tapped value, by value name.
        specs: the model's inputs.
        scores: the output with the class scores, if accuracy is computed.
        backend: how the probes are implemented, NATIVE or FUNCTIONS of `probe_setup`.
    """

    def __init__(
        self,
        session: Session,
        accumulators: Sequence[TapAccumulator],
        *,
        probed: Mapping[str, ProbeAccumulator],
        outputs: Mapping[str, Mapping[str, str]],
        tapped: Mapping[str, str],
        specs: Sequence[InputSpec],
        scores: str | None,
        backend: str,
    ) -> None:
        self.backend = backend
        self.tapped = tapped
        self._session = session
        self._accumulators = accumulators
        self._probed = probed
        self._probe_outputs = outputs
        self._fixed_batch = fixed_batch(specs)
        names = [*(out for names in outputs.values() for out in names.values()), *tapped.values()]
        self._outputs = list(dict.fromkeys([*names, *([scores] if scores else [])]))

    def run(self, piece: Batch, pool: ThreadPoolExecutor) -> BatchResult:
        """Run some samples.

        Raises:
            ModelError: onnxruntime or a probe fails.
            DataError: some values are not finite, the model's fixed batch is not full, or a site does not have
                one entry per sample; nothing of this run was counted.
        """
        if self._fixed_batch and len(piece.index) < self._fixed_batch:
            raise DataError(f"expected a full batch of {self._fixed_batch} samples, got {len(piece.index)}")
        arrays = self._session.run(self._outputs, piece.arrays)
        jobs = {
            each.site.name: pool.submit(
                each.reduce, self._taps(each, arrays, piece), piece.index, piece.labels, gather=True
            )
            for each in self._accumulators
            if each.site.name not in self._probed
        }
        results, merges = [], []
        for accumulator in self._accumulators:
            name = accumulator.site.name
            if name in self._probed:
                numbers = {number: arrays[out] for number, out in self._probe_outputs[name].items()}
                results.append(self._probed[name].check(numbers, piece.index))
                merges.append(partial(self._probed[name].add, numbers, piece.index, piece.labels))
            else:
                results.append(jobs[name].result())
                merges.append(partial(accumulator.add, results[-1]))
        return BatchResult(results, merges, arrays)

    def totals(self, *, last: bool) -> Iterator[tuple[str, dict[type[Statistic], Any]]]:
        """Yield the name and the statistics of each site with a probe, over all runs.

        Args:
            last: no run follows: free the memory of each site after it was yielded.
        """
        for name, accumulator in self._probed.items():
            yield name, accumulator.total()
            if last:
                accumulator.release()

    def _taps(self, accumulator: TapAccumulator, arrays: Mapping[str, Array], piece: Batch) -> tuple[Array, ...]:
        taps = [arrays[self.tapped[value]] for value in accumulator.values]
        return accumulator.arrange(taps, batch=len(piece.index))
