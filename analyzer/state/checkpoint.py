"""Checkpointer: the state of a run at any moment, saved at intervals and continued by a later run."""

import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError
from .analysis_state import State

SAVE_EVERY = 60.0
"""Minimum number of seconds between two calls of `keep`."""


class Checkpointer:
    """Tracks the progress of a run and returns its state, merged with the state that it resumes.

    As a context manager it calls `keep` on exit, also if the run is interrupted; not if states failed to merge.

    Args:
        snapshot: called with `last=False` or `last=True`; returns the state of this run alone. With `last=True` the run
            has ended, and its memory may be released.
        resume: a state of the same analysis to continue.
        progress: called with the number of samples after every run.
        keep: called with the state every `SAVE_EVERY` seconds and on exit.

    Attributes:
        next_sample: number of the first sample that is not in the state yet.

    Raises:
        StateError: the state to resume has another provenance or other data, or is a merged one.
    """

    def __init__(
        self,
        snapshot: Callable[..., State],
        *,
        resume: State | None = None,
        progress: Callable[[int], None] | None = None,
        keep: Callable[[State], None] | None = None,
    ) -> None:
        self.next_sample = 0
        self._snapshot = snapshot
        self._resumed = resume
        self._progress = progress
        self._keep = keep
        self._kept_at = time.monotonic()
        self._samples = 0
        self._final: State | None = None
        if resume is not None:
            if resume.resume_at is None:
                raise StateError(
                    "expected the state of one run to resume, got a merged state; resume the states of its parts"
                )
            this = snapshot(last=False)
            resume.check_compatible(this)
            if resume.parts != this.parts:
                before, now = (" and ".join(map(str, state.parts)) for state in (resume, this))
                raise StateError(f"expected a state of {now}, got one of {before}; resume on the same data and shard")
            self.next_sample = resume.resume_at

    def advance(self, index: NDArray[np.int64]) -> None:
        """Record that a run has ended.

        Args:
            index: numbers of its samples (sample,), ascending.
        """
        self.next_sample = int(index[-1]) + 1
        self._samples += len(index)
        if self._progress is not None:
            self._progress(len(index))
        if self._keep is not None and time.monotonic() - self._kept_at > SAVE_EVERY:
            self._keep(self._merged(last=False))
            self._kept_at = time.monotonic()

    def finish(self) -> State:
        """Return the final state; no run may follow."""
        if self._final is None:
            self._final = self._merged(last=True)
        return self._final

    def _merged(self, *, last: bool) -> State:
        this = self._snapshot(last=last)
        whole = this if self._resumed is None else self._resumed.combine(this, parts=this.parts)
        return replace(whole, resume_at=self.next_sample)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keep is None or isinstance(error, StateError):
            return
        if error is None or self._samples:
            self._keep(self.finish())
