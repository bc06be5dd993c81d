"""What has been seen so far, as a state at any moment: for progress, for saving now and then, for going on later."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np

from ..data import Batch
from ..data.batch import slice_batch
from ..errors import StateError
from ..runtime.preparation import Prepared
from .analysis_state import DataShard, State

SAVE_EVERY = 60.0
"""Seconds between two calls of `keep`."""


class Checkpointer:
    """Keeps account of a stream, and hands its state out.

    As a context it calls `keep` at the end, also when the run is broken off: nothing that was seen is lost. Only what
    does not merge is not kept.

    Args:
        prepared: what is run.
        part: which part of which data it is run on.
        resume: a state of the same analysis to go on from.
        progress: called with the number of samples after every run.
        keep: called with the state every minute and at the end.

    Raises:
        StateError: the state to resume was made differently, or cannot be resumed.
    """

    def __init__(
        self,
        prepared: Prepared,
        *,
        part: DataShard,
        resume: State | None = None,
        progress: Callable[[int], None] | None = None,
        keep: Callable[[State], None] | None = None,
    ) -> None:
        self._prepared = prepared
        self._part = part
        self._before = resume
        self._progress = progress
        self._keep = keep
        self._kept_at = time.monotonic()
        self._next = 0
        self._end: State | None = None
        if resume is not None:
            if resume.resume_at is None:
                raise StateError("a merged state cannot be resumed: it is not known which samples it has seen")
            resume.must_match(self._here(last=False))
            if resume.parts != (part,):
                seen = " and ".join(map(str, resume.parts))
                raise StateError(f"this state has seen {seen}; {part} is other data or another shard: start anew")
            self._next = resume.resume_at

    def unseen(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches, or parts of them, that the state to resume has not seen."""
        start = self._next
        for batch in batches:
            first = int(np.searchsorted(batch.index, start))
            if first < len(batch.index):
                yield slice_batch(batch, self._prepared.specs, slice(first, len(batch.index)))

    def seen(self, batch: Batch) -> None:
        """Take note of samples that have been taken in."""
        self._next = int(batch.index[-1]) + 1
        if self._progress is not None:
            self._progress(len(batch.index))
        if self._keep is not None and time.monotonic() - self._kept_at > SAVE_EVERY:
            self._keep(self.state())
            self._kept_at = time.monotonic()

    def state(self) -> State:
        """Everything seen so far, by this run and the one it goes on from."""
        return self._whole(last=False)

    def finished(self) -> State:
        """Everything seen in the end; nothing more can be."""
        if self._end is None:
            self._end = self._whole(last=True)
        return self._end

    def _whole(self, *, last: bool) -> State:
        here = self._here(last=last)
        whole = here if self._before is None else self._before.joined(here, parts=(self._part,))
        return replace(whole, resume_at=self._next)

    def _here(self, *, last: bool) -> State:
        stream = self._prepared.stream
        return State(
            provenance={**self._prepared.provenance, "way": stream.way},
            sites=self._prepared.sites,
            statistics={
                name: {kind.__name__: part for kind, part in found.items()}
                for name, found in stream.statistics(last=last).items()
            },
            network=stream.network(),
            samples=stream.samples,
            parts=(self._part,),
            notes=(*self._prepared.notes, *stream.notes),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keep is None or isinstance(error, StateError):
            return
        if error is None or self._prepared.stream.samples:
            self._keep(self.finished())
