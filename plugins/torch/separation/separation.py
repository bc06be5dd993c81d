"""A loss term that penalizes dead and linear units and points of a network during training."""

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

ForwardExtremes = list[tuple[Extremes, float]]
"""The extremes of each site of one forward, with the strength of the site."""


class PenaltyBuffer:
    """An observer that keeps the extremes of the last forwards until the penalty is computed.

    Each dry run has a separate buffer, which is dropped when it ends.

    Args:
        strengths: lambda by pattern of site names; the first match counts, a site without a match is ignored.
        of: computes the extremes of pre-activations, given their unit axis.
        forwards: the number of forwards that the buffer holds; a further one replaces the oldest.
        skip_last: whether to ignore the last site of each forward.
    """

    def __init__(
        self, strengths: Mapping[str, float], of: Callable[..., Extremes], *, forwards: int, skip_last: bool
    ) -> None:
        self._strengths = strengths
        self._of = of
        self._skip_last = skip_last
        self._current: ForwardExtremes = []
        self._forwards = forwards
        self._of_training = self._empty()
        self._unmatched = set(strengths)
        self._met_any = False

    def begin(self) -> bool:
        """Start a forward; one without gradients is skipped."""
        self._current = []
        return torch.is_grad_enabled()

    def see(self, site: Site, z: Tensor) -> None:
        """Keep the extremes of a site that has a strength."""
        self._met_any = True
        if not torch.is_grad_enabled() and in_reentrant_checkpoint(sys._getframe()):
            raise ModelError(
                f"site {site.name!r}: expected a forward with gradients, got a reentrant checkpoint without; use "
                "torch.utils.checkpoint with use_reentrant=False"
            )
        for pattern, strength in self._strengths.items():
            if fnmatchcase(site.name, pattern):
                self._unmatched.discard(pattern)
                if z.numel():
                    self._current.append((self._of(z, unit_axis=site.unit_axis), strength))
                return

    def end(self, output: Any) -> None:
        """Add the forward to the buffer."""
        del output
        if self._skip_last:
            del self._current[-1:]
        self._buffer().append(self._current)
        self._current = []

    def take(self) -> tuple[list[Extremes], list[float]]:
        """Return extremes and strengths of the buffered forwards, and empty the buffer.

        Raises:
            RelucidError: the buffer holds no forward, or none with samples.
            ModelError: the model has no site.
            OptionError: a pattern of site names matches no site.
        """
        buffer = self._buffer()
        if not buffer:
            raise RelucidError(
                "penalty(): expected a forward with gradients since the last penalty(), got none; "
                "pass to Separation the module that the training calls"
            )
        layers = [layer for forward in buffer for layer in forward]
        buffer.clear()
        if not self._met_any:
            raise ModelError(
                "penalty(): expected a model that calls ReLU-like functions, got one without; pass another model"
            )
        if self._unmatched:
            unmatched = ", ".join(map(repr, sorted(self._unmatched)))
            raise OptionError(f"strength: expected patterns that match a site of the model, got {unmatched}")
        if not layers:
            raise RelucidError("penalty(): expected a forward with samples and a site with a strength, got none")
        return [layer for layer, _ in layers], [strength for _, strength in layers]

    def _empty(self) -> deque[ForwardExtremes]:
        return deque(maxlen=self._forwards)

    def _buffer(self) -> deque[ForwardExtremes]:
        """The buffer of the dry run in progress, else that of the training."""
        cache = dry_run_cache()
        return self._of_training if cache is None else cache.setdefault(self, self._empty())


ReadAt = Literal["relu_input", "affine_output"]


def warm_up(step: int, *, steps: int, start: float = 0.0) -> float:
    """Return a factor that grows linearly from `start` to 1 over the first `steps` steps and stays at 1.

    >>> [warm_up(step, steps=4) for step in (0, 1, 4, 9)]
    [0.0, 0.25, 1.0, 1.0]
    """
    return 1.0 if step >= steps else start + (1 - start) * step / steps


class Separation:
    """The loss term lambda P of Jumpstart (J (7)) and of Sep-U, Sep-P, Sep-UP and Sep-L (S (13), (15), (16)).

        separation = Separation(model, strength=1e-3)
        loss = criterion(model(x), y) + separation.penalty()

    It reads pre-activations from the training forward. The constraints range over the batch, as in the authors' code;
    in the paper they range over the training set.

    Args:
        model: the model; its forwards with gradients are observed until `detach()`.
        strength: lambda; or lambda by pattern of site names, as `{"features.*": 1e-3}`: the first match counts, and a
            site without a match has no penalty.
        axes: `unit` (Sep-U), `point` (Sep-P), both (Sep-UP, jumpstart), or `layer` (Sep-L).
        margin: m+, with m- = -m+; or the pair (m+, m-).
        balance: weight of the positive deficits, see `balance_deficits`.
        merge: whether to add each pair of deficits before aggregation, see `balance_deficits`.
        aggregation: P, see `aggregate`.
        conv_units: what a unit of a feature map is, see `extremes`.
        ties: which of several equal entries receive the gradient, see `extremes`.
        hook: where to read g: `relu_input`, or, as in the authors' PyTorch code, `affine_output`.
        include_output: whether the model's output counts as a layer, as in the authors' PyTorch code.
        schedule: a factor of the strength, as a function of the number of `penalty()` calls so far, such as `warm_up`.
        forwards: the number of forwards in a step; if there are more between two penalties, only the last ones count.

    Raises:
        OptionError: an option is out of range.
        ModelError: a part of the model cannot be observed.

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
        hook: ReadAt = "relu_input",
        include_output: bool = False,
        schedule: Callable[[int], float] | None = None,
        forwards: int = 1,
    ) -> None:
        check_choices("axes", axes, Axis)
        check_choice("aggregation", aggregation, Aggregation)
        check_choice("conv_units", conv_units, ConvUnits)
        check_choice("ties", ties, Ties)
        check_choice("hook", hook, ReadAt)
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
        self._buffer = PenaltyBuffer(
            strengths,
            partial(extremes, axes=tuple(axes), conv_units=conv_units, ties=ties),
            forwards=forwards,
            skip_last=affine and not include_output,
        )
        self._capture = Capture(model, self._buffer, affine=affine, output=include_output and not affine, dry_runs=True)

    def penalty(self) -> Tensor:
        """Return the term to add to the loss, for the forwards since the last call.

        Raises:
            RelucidError: there was no forward with gradients, or none with samples.
            ModelError: the model called no ReLU-like function.
            OptionError: a pattern in `strength` matches no site, or the schedule returns no number.
        """
        layers, strengths = self._buffer.take()
        factor = 1.0 if self._schedule is None else check_number("schedule", self._schedule(self._steps))
        self._steps += dry_run_cache() is None
        return self._penalty(layers, [factor * strength for strength in strengths])

    def detach(self) -> None:
        """Remove the hooks from the model."""
        self._capture.detach()

    def state_dict(self) -> dict[str, int]:
        """Return the step of the schedule."""
        return {"steps": self._steps}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Continue the schedule from a saved state.

        Raises:
            StateError: it is not the state of a Separation.
        """
        if "steps" not in state:
            keys = ", ".join(state) or "none"
            raise StateError(f"expected the state of a Separation, with the key steps, got the keys {keys}")
        self._steps = int(state["steps"])


def _margins(margin: float | tuple[float, float]) -> tuple[float, float]:
    pair = margin if isinstance(margin, Sequence) else (margin, None)
    if len(pair) != 2 or isinstance(margin, str):
        raise OptionError(f"margin: expected a number or the pair (m+, m-), got {margin!r}")
    upper = check_number("margin", pair[0])
    lower = -upper if pair[1] is None else check_number("margin", pair[1])
    if not upper > lower:
        raise OptionError(f"margin: expected m+ above m-, got {upper} and {lower}")
    return upper, lower
