"""Sensitivity to the learning rate: the distance D of a step at each of many rates, from one state of a network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.optim import Optimizer

from ....analyzer.errors import OptionError
from ....analyzer.measures.pattern_temperature import temperature
from ..capture.hooks import unwrap_model
from ..steps.optimizer_hooks import unwrap_optimizer
from ..steps.restore import restore_afterwards
from ..steps.trial_step import trials
from .pattern_change import PatternProbe
from .transition import LOG_NORMAL, Doubles, Transition
from .transition_fit import Fit, nls

RATES: Doubles = np.geomspace(1e-4, 1e2, 50)
"""The rates of the thesis: 50 from 1e-4 to 1e2, evenly spaced on a logarithmic scale."""


@dataclass(frozen=True)
class Sensitivity:
    """Distances by learning rate at one state of a network, a column of the phase diagram (figure 3.11).

    Args:
        rates: learning rates (rate,).
        sites: names of the sites, in the order of the forward.
        distances: D (rate, site).
    """

    rates: Doubles
    sites: tuple[str, ...]
    distances: Doubles

    @property
    def mean(self) -> Doubles:
        """P, the mean of D over the sites (rate,)."""
        return np.asarray(self.distances.mean(1))

    @property
    def temperatures(self) -> Doubles:
        """T = -log2(1 - P) (rate,)."""
        return temperature(self.mean)

    def fit(self, model: Transition = LOG_NORMAL) -> Fit:
        """Fit a transition model to P by nonlinear least squares."""
        return nls(model, self.rates, self.mean)


def sensitivity(
    model: nn.Module,
    optimizer: Optimizer,
    batch: Any,
    *,
    rates: ArrayLike = RATES,
    loss: Callable[[], Tensor] | None = None,
) -> Sensitivity:
    """Measure D of each site for a step at each rate, from one frozen state (Hartmann, 2025, section 3.2.3).

    The gradient does not depend on the rate and is computed once. If the step is linear in the rate, as with SGD and
    the Adam family, one real step gives its direction; else every rate takes a real step. Parameters, buffers,
    gradients, the optimizer's state and random number generators are restored bit by bit, also after an exception or an
    interrupt. Other observers of the model skip these forwards, so that a run of ActCooLR continues unchanged.

    Call it where the optimizer would step. Between the forward of a loss and its `backward()`, torch may refuse the
    latter: it counts in-place changes of parameters, even those that are undone.

    The model stays in its mode: call `model.train()` first to have batch norms as in training. With several parameter
    groups the one with the largest rate gets these rates, and the others keep their ratios to it.

    Args:
        model: the network.
        optimizer: the optimizer of its parameters.
        batch: the input of the model: a tensor, a tuple of positional arguments, or a mapping of keyword arguments.
        rates: learning rates, all at least 0 (rate,).
        loss: calls the model and returns the loss whose gradients are used. By default the current gradients are used.
            L-BFGS requires it.

    Raises:
        OptionError: rates are not finite numbers of at least 0, or no learning rate of the optimizer is above 0.
        ModelError: a part of the model cannot be observed, or it has no ReLU-like site.

    >>> _ = torch.manual_seed(0)
    >>> net, x = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1)), torch.randn(64, 4)
    >>> found = sensitivity(
    ...     net, torch.optim.SGD(net.parameters(), lr=1.0), x, rates=[0, 1e9], loss=lambda: net(x).square().mean()
    ... )
    >>> found.sites, found.mean.round(2).tolist()
    (('1',), [0.0, 1.0])
    """
    checked = np.asarray(rates, np.float64)
    if checked.ndim != 1 or not checked.size or not (np.isfinite(checked) & (checked >= 0)).all():
        raise OptionError(f"rates: expected a sequence of finite numbers of at least 0, got {rates!r}")
    inner = unwrap_optimizer(optimizer)
    own = [float(group["lr"]) for group in inner.param_groups]
    if not max(own) > 0:
        raise OptionError(
            f"learning rates of the optimizer: expected at least one above 0, got {own}; set an initial rate"
        )
    positional, named = _split_arguments(batch)
    probe = PatternProbe(model)
    try:
        with restore_afterwards(inner, model):
            probe.arm()
            with probe.dry_run(), torch.enable_grad():
                unwrap_model(model)(*positional, **named)
            closure = None if loss is None else _build_closure(inner, loss, probe)
            if closure is not None:
                closure()
            with trials(inner, many=True, closure=closure, model=model) as at:
                found = []
                for rate in checked:
                    with at([rate * each / max(own) for each in own]):
                        found.append(probe.measure())
    finally:
        probe.detach()
    sites = tuple(found[0])
    return Sensitivity(checked, sites, np.array([[D[site] for site in sites] for D in found]))


def _split_arguments(batch: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(batch, Mapping):
        return (), dict(batch)
    return (tuple(batch) if isinstance(batch, tuple | list) else (batch,)), {}


def _build_closure(optimizer: Optimizer, loss: Callable[[], Tensor], probe: PatternProbe) -> Callable[[], Tensor]:
    def closure() -> Tensor:
        with probe.dry_run(), torch.enable_grad():
            optimizer.zero_grad()
            value = loss()
            value.backward()
        return value

    return closure
