"""All sites of a model, seen by probes: the session gives out small numbers, and only where none fits, taps."""

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
    """Runs pieces of the data through a model with probes.

    Args:
        session: the model with its probes, and taps for the sites that have none.
        collectors: one for each site, in order.
        numbers: of the sites that have a probe, by name.
        named: the name under which the session gives out each number of such a site.
        tapped: the name under which it gives out each value of the others.
        specs: the model's inputs.
        scores: the output that decides, if accuracy is wanted.
    """

    def __init__(
        self,
        session: Session,
        collectors: Sequence[TapAccumulator],
        *,
        numbers: Mapping[str, ProbeAccumulator],
        named: Mapping[str, Mapping[str, str]],
        tapped: Mapping[str, str],
        specs: Sequence[InputSpec],
        scores: str | None,
    ) -> None:
        self._session = session
        self._collectors = collectors
        self._numbers = numbers
        self._named = named
        self.tapped = tapped
        self._fixed = fixed_batch(specs)
        outputs = [*(out for names in named.values() for out in names.values()), *tapped.values()]
        self._outputs = list(dict.fromkeys([*outputs, *([scores] if scores else [])]))

    def look(self, piece: Batch, pool: ThreadPoolExecutor) -> BatchResult:
        """Run some samples.

        Raises:
            ModelError: the runtime or a probe fails.
            DataError: some values are not finite, the batch to which the model is fixed is not full, or the samples lie
                elsewhere than they did: their numbers do not count.
        """
        if self._fixed and len(piece.index) < self._fixed:
            raise DataError(f"{len(piece.index)} samples do not fill the batch of {self._fixed}")
        given = self._session.run(self._outputs, piece.arrays)
        jobs = {
            each.site.name: pool.submit(
                each.look, self._taps(each, given, piece), piece.index, piece.labels, gather=True
            )
            for each in self._collectors
            if each.site.name not in self._numbers
        }
        found, keep = [], []
        for collector in self._collectors:
            name = collector.site.name
            if name in self._numbers:
                numbers = {what: given[out] for what, out in self._named[name].items()}
                found.append(self._numbers[name].look(numbers, piece.index))
                keep.append(partial(self._numbers[name].take, numbers, piece.index, piece.labels))
            else:
                found.append(jobs[name].result())
                keep.append(partial(collector.take, found[-1]))
        return BatchResult(found, keep, given)

    def totals(self, *, last: bool) -> Iterator[tuple[str, dict[type[Statistic], Any]]]:
        """Everything that came of probes so far, site by site.

        Args:
            last: nothing will come any more: each site gives up its memory once it has told.
        """
        for name, numbers in self._numbers.items():
            yield name, numbers.total()
            if last:
                numbers.let_go()

    def _taps(self, collector: TapAccumulator, given: Mapping[str, Array], piece: Batch) -> tuple[Array, ...]:
        taps = [given[self.tapped[value]] for value in collector.values]
        return collector.arrange(taps, batch=len(piece.index))
