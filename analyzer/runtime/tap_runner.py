"""Run a model with taps: the session returns the values of every site, and numpy reduces them to statistics."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import Batch, InputSpec, fixed_batch
from ..data.batch import pad_batch, reverse_samples, slice_batch
from ..errors import DataError
from .session import Session
from .tap_accumulator import BatchResult, TapAccumulator

Array = NDArray[Any]
ROUNDING = 0.01
"""Largest difference between two runs of one sample that counts as rounding, as a share of the largest value."""


class TapRunner:
    """Runs samples through a model whose session returns the values of its sites.

    Args:
        session: the model with its taps.
        accumulators: one for each site, in order.
        tapped: the session output of each tapped value, by value name.
        specs: the model's inputs.
        scores: the output with the class scores, if accuracy is computed.

    Attributes:
        checked: whether a run has shown that the sample axis of every site is right.
    """

    def __init__(
        self,
        session: Session,
        accumulators: Sequence[TapAccumulator],
        *,
        tapped: Mapping[str, str],
        specs: Sequence[InputSpec],
        scores: str | None,
    ) -> None:
        self.checked = False
        self.tapped = tapped
        self.accumulators = accumulators
        self._session = session
        self._specs = specs
        self._fixed_batch = fixed_batch(specs)
        outputs = [tapped[value] for accumulator in accumulators for value in accumulator.values]
        self._outputs = list(dict.fromkeys([*outputs, *([scores] if scores else [])]))

    def run(self, piece: Batch, pool: ThreadPoolExecutor) -> BatchResult:
        """Run some samples; the first run of more than one sample also checks the sample axis of every site.

        Raises:
            ModelError: onnxruntime fails.
            DataError: a site has no sample axis, or a different one than assumed.
        """
        taps, batch = self._run(piece), self._fixed_batch or len(piece.index)
        arranged = self._arrange(taps, batch=batch)
        if batch > 1 and not self.checked:
            self._check_sample_axes(piece, arranged)
        results = list(
            pool.map(
                lambda each, its: each.reduce(its, piece.index, piece.labels, gather=True), self.accumulators, arranged
            )
        )
        merges = [partial(each.add, its) for each, its in zip(self.accumulators, results, strict=True)]
        return BatchResult(results, merges, taps)

    def release(self) -> None:
        """Free the session's memory; the next run starts it again."""
        self._session.release()

    def _run(self, piece: Batch) -> dict[str, Array]:
        arrays = piece.arrays if self._fixed_batch is None else pad_batch(piece, self._specs, self._fixed_batch)
        return self._session.run(self._outputs, arrays)

    def _arrange(self, taps: Mapping[str, Array], *, batch: int) -> list[tuple[Array, ...]]:
        """View the taps of every site as (sample, position, unit)."""
        return [
            accumulator.arrange([taps[self.tapped[value]] for value in accumulator.values], batch=batch)
            for accumulator in self.accumulators
        ]

    def _check_sample_axes(self, piece: Batch, arranged: Sequence[Sequence[Array]]) -> None:
        """Check that the values of each sample do not depend on the other samples of the batch.

        Shapes do not suffice: time may be the first axis, or time and samples may be flattened together in either
        order. The first sample run by itself must have the values that it has in the batch. If the model is fixed to
        its batch, the batch in reverse order must have the same values in reverse order.

        Raises:
            DataError: the values differ.
        """
        if self._fixed_batch:
            turned = self._session.run(
                self._outputs, reverse_samples(pad_batch(piece, self._specs, self._fixed_batch), self._specs)
            )
            others = [tuple(each[::-1] for each in its) for its in self._arrange(turned, batch=self._fixed_batch)]
        else:
            others = self._arrange(self._run(slice_batch(piece, self._specs, slice(0, 1))), batch=1)
        for accumulator, its, many in zip(self.accumulators, others, arranged, strict=True):
            if not all(agree(a, b[: len(a)]) for a, b in zip(its, many, strict=True)):
                raise DataError(f"site {accumulator.site.name!r}: {self._mismatch}")
        self.checked = True

    @property
    def _mismatch(self) -> str:
        if self._fixed_batch:
            return (
                f"expected the {self._fixed_batch} samples of a fixed batch along one axis, got different values for "
                "the batch in reverse order; exclude the site with --sites, or export the model for a batch of 1"
            )
        return "expected a sample to have the same values in a batch as alone, got different ones; use --batch 1"


def agree(one: Array, other: Array) -> bool:
    """Whether two arrays hold the same numbers up to rounding; NaN equals NaN.

    >>> agree(np.array([1.0, np.nan]), np.array([1.0001, np.nan])), agree(np.zeros(2), np.zeros((2, 1)))
    (True, False)
    """
    if one.shape != other.shape:
        return False
    largest = max(float(np.abs(each[np.isfinite(each)]).max(initial=0)) for each in (one, other))
    return np.allclose(one, other, rtol=0, atol=ROUNDING * largest, equal_nan=True)
