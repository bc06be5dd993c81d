"""Recent: the extremes of the last few forwards, kept until a penalty is asked for, and nothing larger."""

import sys
from collections import deque
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor

from ...analyzer.errors import ModelError, OptionError, RelucidError
from ...analyzer.sites import Site
from .extremes import Extremes
from .module_paths import in_reentrant_checkpoint
from .rehearsal import rehearsing

Done = deque[list[tuple[Extremes, float]]]


class Recent:
    """What a capture tells of forwards with gradients, as extremes.

    Args:
        strengths: lambda by pattern of site names; the first that fits counts, a site without one is left out.
        of: makes the extremes of a site's pre-activations, given their unit axis.
        forwards: how many forwards are kept.
        skip_last: whether the last site of each forward is left out.
    """

    def __init__(
        self, strengths: Mapping[str, float], of: Callable[..., Extremes], *, forwards: int, skip_last: bool
    ) -> None:
        self._strengths = strengths
        self._of = of
        self._skip_last = skip_last
        self._running: list[tuple[Extremes, float]] = []
        self._forwards = forwards
        self._done = self._none()
        self._unmatched = set(strengths)
        self._met_any = False

    def begin(self) -> bool:
        """Forwards without gradients are none of ours."""
        self._running = []
        return torch.is_grad_enabled()

    def see(self, site: Site, z: Tensor) -> None:
        """Keep the extremes of a site with a strength."""
        self._met_any = True
        if not torch.is_grad_enabled() and in_reentrant_checkpoint(sys._getframe()):
            raise ModelError(
                f"site {site.name!r} has no gradient in a checkpoint like this: wanted use_reentrant=False"
            )
        for pattern, strength in self._strengths.items():
            if fnmatchcase(site.name, pattern):
                self._unmatched.discard(pattern)
                if z.numel():
                    self._running.append((self._of(z, unit_axis=site.unit_axis), strength))
                return

    def end(self, output: Any) -> None:
        """The forward counts."""
        del output
        if self._skip_last:
            del self._running[-1:]
        self._kept().append(self._running)
        self._running = []

    def taken(self) -> tuple[list[Extremes], list[float]]:
        """Extremes and strengths of what was seen, which is forgotten.

        Raises:
            RelucidError: nothing was seen.
            ModelError: the model has nothing to be seen.
            OptionError: a strength is for no site of the model.
        """
        kept = self._kept()
        if not kept:
            raise RelucidError(
                "penalty() wanted a forward with gradients since the last penalty(), got none: "
                "make Separation for the very module that is called"
            )
        seen = [layer for forward in kept for layer in forward]
        kept.clear()
        if not self._met_any:
            raise ModelError("penalty() wanted a model with ReLU-like functions that can be seen, got one without")
        if self._unmatched:
            raise OptionError(f"strength: no site of the model fits {', '.join(map(repr, sorted(self._unmatched)))}")
        if not seen:
            raise RelucidError("penalty() wanted a forward with samples and a site with a strength, got one without")
        return [layer for layer, _ in seen], [strength for _, strength in seen]

    def _none(self) -> Done:
        return deque(maxlen=self._forwards)

    def _kept(self) -> Done:
        """The last forwards; those of a rehearsal apart, so that its loss has its penalty and the training its own."""
        running = rehearsing()
        return self._done if running is None else running.kept.setdefault(self, self._none())
