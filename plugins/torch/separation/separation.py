"""Separation: a loss term that keeps the units and the points of a network able to switch while it is trained."""

import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ....analyzer.errors import ModelError, OptionError, RelucidError, StateError
from ....analyzer.sites import Site
from ..capture.capture import Capture
from ..capture.dry_runs import dry_run_cache
from ..capture.module_paths import in_reentrant_checkpoint
from ..validation import check_callable, check_choice, check_choices, check_count, check_number
from .extreme_values import Axis, ConvUnits, Extremes, Ties, extremes
from .separation_loss import Aggregation, penalty

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
        """The last forwards; a dry run has its own, so that its penalty and that of the training are separate."""
        cache = dry_run_cache()
        return self._done if cache is None else cache.setdefault(self, self._none())


Hook = Literal["relu_input", "affine_output"]


def warm_up(step: int, *, steps: int, start: float = 0.0) -> float:
    """A factor that grows linearly from `start` to 1 over the first `steps` steps and stays there.

    >>> [warm_up(step, steps=4) for step in (0, 1, 4, 9)]
    [0.0, 0.25, 1.0, 1.0]
    """
    return 1.0 if step >= steps else start + (1 - start) * step / steps


class Separation:
    """lambda P of Jumpstart (J (7)) and of Sep-U, Sep-P, Sep-UP and Sep-L (S (13), (15), (16)), from the running model.

        separation = Separation(model, strength=1e-3)
        loss = criterion(model(x), y) + separation.penalty()

    The constraints range over the batch, as in the authors' code; the paper's range over the training set.

    Args:
        model: the model; its forwards with gradients are watched until `detach()`.
        strength: lambda; or lambda by site, as `{"features.*": 1e-3}`: the first pattern that fits counts, and a site
            without one is left out.
        axes: `unit` (Sep-U), `point` (Sep-P), both (Sep-UP, jumpstart), or `layer` (Sep-L).
        margin: m+, with m- = -m+; or the pair (m+, m-).
        balance: weight of the positive deficits, see `balanced`.
        merge: whether each pair of deficits is added up before it is aggregated, see `balanced`.
        aggregation: P, see `aggregate`.
        conv_units: what a unit of a feature map is, see `extremes`.
        ties: who gets the gradient at ties, see `extremes`.
        hook: where g is read: what a ReLU reads or, as in the authors' PyTorch code, what an affine map makes.
        include_output: whether the model's output is a layer too, as in the authors' PyTorch code.
        schedule: factor of the strength by step, that is by call of `penalty()`; for instance `warm_up`.
        forwards: how many forwards make a step; of more than that since the last penalty the last ones count.

    Raises:
        OptionError: an option has a value that cannot be meant.
        ModelError: a part of the model cannot be seen into.

    >>> import torch
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> separation = Separation(model, strength=0.1)
    >>> loss = model(torch.zeros(5, 2)).mean() + separation.penalty()
    >>> loss.backward()
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        strength: float | Mapping[str, float] = 1e-3,
        axes: Sequence[Axis] = ("unit", "point"),
        margin: float | tuple[float, float] = 1.0,
        balance: float = 0.5,
        merge: bool = True,
        aggregation: Aggregation = "mean",
        conv_units: ConvUnits = "channel",
        ties: Ties = "one",
        hook: Hook = "relu_input",
        include_output: bool = False,
        schedule: Callable[[int], float] | None = None,
        forwards: int = 1,
    ) -> None:
        check_choices("axes", axes, Axis)
        check_choice("aggregation", aggregation, Aggregation)
        check_choice("conv_units", conv_units, ConvUnits)
        check_choice("ties", ties, Ties)
        check_choice("hook", hook, Hook)
        check_number("balance", balance, least=0, most=1)
        check_count("forwards", forwards)
        upper, lower = _margins(margin)
        strengths = dict(strength) if isinstance(strength, Mapping) else {"*": strength}
        for pattern, value in strengths.items():
            check_number("strength" if pattern == "*" else f"strength of {pattern!r}", value, least=0)
        self._penalty = partial(penalty, margin=(upper, lower), balance=balance, merge=merge, aggregation=aggregation)
        self._schedule = check_callable("schedule", schedule)
        self._steps = 0
        affine = hook == "affine_output"
        self._watch = Recent(
            strengths,
            partial(extremes, axes=tuple(axes), conv_units=conv_units, ties=ties),
            forwards=forwards,
            skip_last=affine and not include_output,
        )
        self._capture = Capture(model, self._watch, affine=affine, output=include_output and not affine, dry_runs=True)

    def penalty(self) -> Tensor:
        """The term to add to the loss, for the forwards since the last call; each counts once.

        Raises:
            RelucidError: there was no forward to be seen, or none with samples.
            ModelError: no ReLU-like function was called.
            OptionError: a strength is for no site of the model, or the schedule gives no number.
        """
        layers, strengths = self._watch.taken()
        factor = 1.0 if self._schedule is None else check_number("schedule", self._schedule(self._steps))
        self._steps += dry_run_cache() is None
        return self._penalty(layers, [factor * strength for strength in strengths])

    def detach(self) -> None:
        """Take the hooks off the model."""
        self._capture.detach()

    def state_dict(self) -> dict[str, int]:
        """How many steps the schedule has seen."""
        return {"steps": self._steps}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where the state was taken.

        Raises:
            StateError: it was taken of something else.
        """
        if "steps" not in state:
            came = ", ".join(state) or "nothing"
            raise StateError(f"wanted the state of a Separation, with steps, got one of {came}")
        self._steps = int(state["steps"])


def _margins(margin: float | tuple[float, float]) -> tuple[float, float]:
    pair = margin if isinstance(margin, Sequence) else (margin, None)
    if len(pair) != 2 or isinstance(margin, str):
        raise OptionError(f"margin: wanted a number or the pair (m+, m-), got {margin!r}")
    upper = check_number("margin", pair[0])
    lower = -upper if pair[1] is None else check_number("margin", pair[1])
    if not upper > lower:
        raise OptionError(f"margin: wanted m+ above m-, got {upper} and {lower}")
    return upper, lower
