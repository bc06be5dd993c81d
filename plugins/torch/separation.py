"""Separation: a loss term that keeps the units and the points of a network able to switch while it is trained."""

import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from ...analyzer.errors import ModelError, OptionError, RelucidError
from ...analyzer.sites import Site
from .capture import Capture
from .deficits import Aggregation, penalty
from .extremes import Axis, ConvUnits, Extremes, Ties, extremes
from .module_paths import in_reentrant_checkpoint

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
        _check("axes", axes, Axis)
        _check("aggregation", [aggregation], Aggregation)
        _check("conv_units", [conv_units], ConvUnits)
        _check("ties", [ties], Ties)
        _check("hook", [hook], Hook)
        upper, lower = margin if isinstance(margin, tuple) else (margin, -margin)
        if not upper > lower:
            raise OptionError(f"margin: wanted m+ above m-, got {upper} and {lower}")
        if not 0 <= balance <= 1:
            raise OptionError(f"balance: wanted a number from 0 to 1, got {balance}")
        if forwards < 1:
            raise OptionError(f"forwards: wanted 1 or more, got {forwards}")
        self._penalty = partial(penalty, margin=(upper, lower), balance=balance, merge=merge, aggregation=aggregation)
        self._schedule = schedule
        self._steps = 0
        affine = hook == "affine_output"
        self._watch = _Watch(
            strength if isinstance(strength, Mapping) else {"*": strength},
            partial(extremes, axes=tuple(axes), conv_units=conv_units, ties=ties),
            forwards=forwards,
            skip_last=affine and not include_output,
        )
        self._capture = Capture(model, self._watch, affine=affine, output=include_output and not affine)

    def penalty(self) -> Tensor:
        """The term to add to the loss, for the forwards since the last call; each counts once.

        Raises:
            RelucidError: there was no forward to be seen, or none with a site that has a strength.
        """
        layers, strengths = self._watch.taken()
        factor = 1.0 if self._schedule is None else self._schedule(self._steps)
        self._steps += 1
        return self._penalty(layers, [factor * strength for strength in strengths])

    def detach(self) -> None:
        """Take the hooks off the model."""
        self._capture.detach()

    def state_dict(self) -> dict[str, int]:
        """How many steps the schedule has seen."""
        return {"steps": self._steps}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where the state was taken."""
        self._steps = int(state["steps"])


class _Watch:
    """Keeps the extremes of the last few forwards, and nothing larger."""

    def __init__(
        self, strengths: Mapping[str, float], of: Callable[..., Extremes], *, forwards: int, skip_last: bool
    ) -> None:
        self._strengths = strengths
        self._of = of
        self._skip_last = skip_last
        self._running: list[tuple[Extremes, float]] = []
        self._done: deque[list[tuple[Extremes, float]]] = deque(maxlen=forwards)
        self._unmatched = set(strengths)

    def begin(self) -> bool:
        self._running = []
        return torch.is_grad_enabled()

    def see(self, site: Site, z: Tensor) -> None:
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
        del output
        if self._skip_last:
            del self._running[-1:]
        self._done.append(self._running)
        self._running = []

    def taken(self) -> tuple[list[Extremes], list[float]]:
        """Extremes and strengths of what was seen, which is forgotten."""
        if not self._done:
            raise RelucidError(
                "penalty() wanted a forward of its model with gradients since the last penalty(), got none"
            )
        seen = [layer for forward in self._done for layer in forward]
        self._done.clear()
        if self._unmatched:
            raise OptionError(f"strength: no site of the model fits {', '.join(map(repr, sorted(self._unmatched)))}")
        if not seen:
            raise RelucidError("penalty() wanted a forward with a site that has a strength, got one without")
        return [layer for layer, _ in seen], [strength for _, strength in seen]


def _check(name: str, given: Sequence[str], known: Any) -> None:
    wrong = [value for value in given if value not in get_args(known)]
    if wrong or not given:
        raise OptionError(f"{name}: wanted {', '.join(get_args(known))}, got {', '.join(wrong) or 'nothing'}")
