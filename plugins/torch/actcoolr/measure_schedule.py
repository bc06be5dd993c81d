"""Looks: which optimizer steps ActCooLR measures, and before which it fits; as pure functions of what came of them."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True)
class Looks:
    """Where the next ones are.

    A.4 measures every eighth step. Here the steps from one measurement to the next are 1, 2, 4 ... after a full fit,
    until they are `every`: the first fit is made before there is momentum, and with momentum 0.9 the same rate goes up
    to ten times as far soon after; a later fit may have been called for by something that is still going on. A fit
    that comes while they are still growing lets them grow on, so that fits that follow each other closely are not
    measured more closely still. Where a fit could tell nothing it is made again after 1, 2, 4 ... steps, likewise.

    Args:
        due: the first step that is to be measured.
        gap: steps from that measurement to the next.
        fits: full fits so far.
        failed: those since the last one that could tell something.
        fit_due: the first step before which there may be a fit.

    >>> looks, measured = Looks().fitted(0, every=8), []
    >>> for step in range(32):
    ...     if step >= looks.due:
    ...         looks, measured = looks.measured(step, every=8), [*measured, step]
    >>> measured
    [0, 1, 3, 7, 15, 23, 31]
    """

    due: int = 0
    gap: int = 1
    fits: int = 0
    failed: int = 0
    fit_due: int = 0

    def measured(self, step: int, *, every: int) -> Self:
        """After this step was measured."""
        return replace(self, due=step + self.gap, gap=min(2 * self.gap, every))

    def fitted(self, step: int, *, every: int) -> Self:
        """After a fit before this step told something."""
        rare = self.failed or self.gap == every
        return replace(self, due=step, gap=1 if rare else self.gap, fits=self.fits + 1, failed=0)

    def failed_to_fit(self, step: int, *, every: int) -> Self:
        """After a fit before this step told nothing: ask again soon, then more rarely."""
        again = step + min(2**self.failed, every)
        return replace(self, fits=self.fits + 1, failed=self.failed + 1, fit_due=again)
