"""Several models through one walk over the same data."""

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
from ..runtime.preparation import Opened
from ..runtime.tap_accumulator import values_to_tap
from ..runtime.tap_axes import agree, in_axes
from ..sites import Site
from ..stats import CoMoment
from .site_changes import Contrast, Contraster

Array = NDArray[Any]
RUN_BYTES = 32 << 20
"""What the taps of all models should take together in one run, where the user set no batch."""


@dataclass(frozen=True, eq=False)
class Member:
    """One of the models.

    Args:
        name: what it is called.
        opened: the model in a session, its sites tapped.
        sites: those to compare, in the order of the first model's.
        inputs: for each of its inputs the array of the data that it takes.
        every_position: count every (position, unit) as a unit of its own.
    """

    name: str
    opened: Opened
    sites: tuple[Site, ...]
    inputs: dict[str, str]
    every_position: bool = False

    @property
    def fixed(self) -> int | None:
        """The number of samples it takes at a time, if it takes no other."""
        return fixed_batch(self.opened.specs)

    def look(self, piece: Batch) -> list[tuple[Array, ...]]:
        """What some samples show: for each site its taps (sample, position, unit), filled up to a fixed batch.

        Raises:
            ModelError: the runtime refuses them.
            DataError: the samples cannot be told apart.
        """
        return self._run(self._fed(piece), self.fixed or len(piece.index))

    def prove(self, piece: Batch, seen: Sequence[Sequence[Array]], first: Batch) -> None:
        """See that the samples of a batch are told apart rightly at every site; shapes alone do not tell.

        The first sample alone must give what it gives in the batch; where the model is fixed to its batch, the batch
        the other way round must give the same values the other way round.

        Args:
            piece: some samples.
            seen: what they showed.
            first: the first of them alone.

        Raises:
            DataError: it does not.
        """
        if self.fixed:
            turned = reverse_samples(self._fed(piece), self.opened.specs)
            others = [tuple(each[::-1] for each in its) for its in self._run(turned, self.fixed)]
        else:
            others = self.look(first)
        for site, its, many in zip(self.sites, others, seen, strict=True):
            if not all(agree(a, b[: len(a)]) for a, b in zip(its, many, strict=True)):
                raise DataError(f"site {site.name!r} of {self.name}: a sample in a batch gives other values than alone")

    def _fed(self, piece: Batch) -> dict[str, Array]:
        specs = self.opened.specs
        arrays = {spec.name: piece.arrays[self.inputs[spec.name]].astype(spec.dtype, copy=False) for spec in specs}
        return dict(pad_batch(Batch(arrays, piece.index, None), specs, self.fixed or 0))

    def _run(self, arrays: dict[str, Array], batch: int) -> list[tuple[Array, ...]]:
        values = [values_to_tap(site, (CoMoment,)) for site in self.sites]
        wanted = [self.opened.tapped[value] for its in values for value in its]
        taps = self.opened.session.run(list(dict.fromkeys(wanted)), arrays)
        return [
            tuple(
                in_axes(taps[self.opened.tapped[value]], site, batch=batch, every_position=self.every_position)
                for value in its
            )
            for site, its in zip(self.sites, values, strict=True)
        ]


class Together:
    """Runs batches through all models and keeps what every site shows merged.

    Args:
        members: the models.
        contrasters: one for each site.
        specs: what the first model wants to be fed, and so what batches hold.
        run_at_once: samples in one run; None: as many as keep the taps small.
        workers: threads that reduce taps beside each other.
    """

    def __init__(
        self,
        members: Sequence[Member],
        contrasters: Sequence[Contraster],
        *,
        specs: Sequence[InputSpec],
        run_at_once: int | None,
        workers: int,
    ) -> None:
        self.samples = 0
        self.notes: list[str] = []
        self._members = members
        self._contrasters = contrasters
        self._specs = specs
        self._fixed = min((member.fixed for member in members if member.fixed), default=None)
        self._at_once = self._fixed or run_at_once
        self._workers = workers
        self._proven = False

    def follow(self, batches: Iterable[Batch], *, progress: Callable[[int], None] | None = None) -> None:
        """Run all batches; `progress` is called with the number of samples after every run.

        Raises:
            ModelError: the runtime fails on a single sample, or a site has other positions or units in some model.
            DataError: samples cannot be told apart even one by one.
            StateError: two runs do not merge: the number of units has changed.
        """
        # Were BLAS to start threads of its own in every worker, they would fight for the same cores.
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(self._workers) as pool:
            for batch in batches:
                start, count = 0, len(batch.index)
                while start < count:
                    taken = self._take(
                        slice_batch(batch, self._specs, slice(start, start + (self._at_once or 1))), pool
                    )
                    start += taken
                    if taken and progress is not None:
                        progress(taken)

    def total(self) -> tuple[Contrast, ...]:
        """What every site showed so far."""
        return tuple(contraster.total() for contraster in self._contrasters)

    def _take(self, piece: Batch, pool: ThreadPoolExecutor) -> int:
        """Take some samples in; the number of those taken, 0 where they have to be run one by one first."""
        size = len(piece.index)
        try:
            seen = [member.look(piece) for member in self._members]
            self._prove(piece, seen)
        except (ModelError, DataError) as error:
            if size == 1 or self._fixed:
                raise
            self._at_once = 1
            self.notes.append(f"Run sample by sample: a model does not take a batch of {size} ({error}).")
            return 0
        by_site = list(zip(*seen, strict=True))
        found = list(pool.map(lambda each, its: each.look(its, piece.index), self._contrasters, by_site))
        list(pool.map(lambda each, its: each.take(*its), self._contrasters, found))
        self.samples += size
        if self._at_once is None:
            largest = sum(tap.nbytes for sites in seen for its in sites for tap in its) or 1
            self._at_once = int(np.clip(RUN_BYTES // largest, 1, 1024))
        return size

    def _prove(self, piece: Batch, seen: Sequence[Sequence[Sequence[Array]]]) -> None:
        """Once, as soon as a batch holds more than one sample; see `Member.prove`."""
        if self._proven or all((member.fixed or len(piece.index)) == 1 for member in self._members):
            return
        first = slice_batch(piece, self._specs, slice(0, 1))
        for member, its in zip(self._members, seen, strict=True):
            if (member.fixed or len(piece.index)) > 1:
                member.prove(piece, its, first)
        self._proven = True
