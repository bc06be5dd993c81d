"""All sites of a model, seen by taps: the session gives out their values, and numpy makes statistics of them."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from numpy.typing import NDArray

from ..data import Batch, InputSpec, fixed_batch
from ..data.batch import pad_batch, reverse_samples, slice_batch
from ..errors import DataError
from .session import Session
from .tap_accumulator import BatchResult, TapAccumulator
from .tap_axes import agree

Array = NDArray[Any]


class TapRunner:
    """Runs pieces of the data through a model that gives out the values of its sites.

    Args:
        session: the model with its taps.
        collectors: one for each site, in order.
        tapped: the name under which the session gives out each value.
        specs: the model's inputs.
        scores: the output that decides, if accuracy is wanted.
    """

    def __init__(
        self,
        session: Session,
        collectors: Sequence[TapAccumulator],
        *,
        tapped: Mapping[str, str],
        specs: Sequence[InputSpec],
        scores: str | None,
    ) -> None:
        self.proven = False
        self.tapped = tapped
        self.collectors = collectors
        self._session = session
        self._specs = specs
        self._fixed = fixed_batch(specs)
        outputs = [tapped[value] for collector in collectors for value in collector.values]
        self._outputs = list(dict.fromkeys([*outputs, *([scores] if scores else [])]))

    def look(self, piece: Batch, pool: ThreadPoolExecutor) -> BatchResult:
        """Run some samples; the first time it is several of them, see that they are told apart rightly.

        Raises:
            ModelError: the runtime fails.
            DataError: the samples cannot be told apart.
        """
        taps, batch = self._run(piece), self._fixed or len(piece.index)
        arranged = self._arranged(taps, batch=batch)
        if batch > 1:
            self._prove(piece, arranged)
        found = list(
            pool.map(
                lambda each, its: each.look(its, piece.index, piece.labels, gather=True), self.collectors, arranged
            )
        )
        keep = [partial(each.take, its) for each, its in zip(self.collectors, found, strict=True)]
        return BatchResult(found, keep, taps)

    def rest(self) -> None:
        """Give the runtime's memory up until it is wanted again."""
        self._session.rest()

    def _run(self, piece: Batch) -> dict[str, Array]:
        arrays = piece.arrays if self._fixed is None else pad_batch(piece, self._specs, self._fixed)
        return self._session.run(self._outputs, arrays)

    def _arranged(self, taps: Mapping[str, Array], *, batch: int) -> list[tuple[Array, ...]]:
        """The taps of every site in our axes."""
        return [
            collector.arrange([taps[self.tapped[value]] for value in collector.values], batch=batch)
            for collector in self.collectors
        ]

    def _prove(self, piece: Batch, arranged: Sequence[Sequence[Array]]) -> None:
        """See, once, that the samples of a batch are told apart rightly at every site.

        Shapes alone do not tell: time may stand before the samples, or both be flattened together in either order.
        The first sample alone must give what it gives in the batch; where the model is fixed to its batch, the batch
        the other way round must give the same values the other way round.

        Raises:
            DataError: it does not.
        """
        if self.proven:
            return
        if self._fixed:
            padded = pad_batch(piece, self._specs, self._fixed)
            turned = self._session.run(self._outputs, reverse_samples(padded, self._specs))
            others = [tuple(each[::-1] for each in its) for its in self._arranged(turned, batch=self._fixed)]
        else:
            others = self._arranged(self._run(slice_batch(piece, self._specs, slice(0, 1))), batch=1)
        for collector, its, many in zip(self.collectors, others, arranged, strict=True):
            if not all(agree(a, b[: len(a)]) for a, b in zip(its, many, strict=True)):
                raise DataError(f"site {collector.site.name!r}: {self._unproven}")
        self.proven = True

    @property
    def _unproven(self) -> str:
        if self._fixed:
            return (
                f"the {self._fixed} samples of a batch, to which the model is fixed, cannot be told apart "
                "in its values; leave the site out with --sites, or export the model for a batch of 1"
            )
        return "a sample in a batch gives other values than alone"
