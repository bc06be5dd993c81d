"""Sensitivity: what a step at any other learning rate would have done to the patterns, at one state of a network."""

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
from ..steps.optimizer_hooks import unwrapped
from ..steps.restore import rolled_back
from ..steps.trial_step import trials
from .pattern_change import Probe
from .transition import LOG_NORMAL, Doubles, Transition
from .transition_fit import Fit, nls

RATES: Doubles = np.geomspace(1e-4, 1e2, 50)
"""The thesis' rates: 50 from 1e-4 to 1e2, evenly on a logarithmic scale."""


@dataclass(frozen=True)
class Sensitivity:
    """A column of the phase diagram (figure 3.11): distances by rate, at one state of a network.

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
        """A transition model fitted to P by nonlinear least squares."""
        return nls(model, self.rates, self.mean)


def sensitivity(
    model: nn.Module,
    optimizer: Optimizer,
    batch: Any,
    *,
    rates: ArrayLike = RATES,
    loss: Callable[[], Tensor] | None = None,
) -> Sensitivity:
    """D of each site for a step at each rate, from one frozen state (Hartmann, 2025, section 3.2.3).

    The gradient does not depend on the rate, so it is taken once. Where the step is linear in the rate, as with SGD and
    the Adam family, one real step gives its direction; else each rate takes a real step. Afterwards everything is as it
    was to the last bit, also after an error or an interrupt: parameters, buffers, gradients, the optimizer's state,
    random numbers. Nothing else that watches the model counts it: a run of ActCooLR goes on as if it had not been. The
    place for it is where the optimizer would step: a loss that still awaits its `backward()` may refuse it afterwards,
    for torch counts changes of parameters, also those taken back.

    The model stays in the mode it is in: call `model.train()` before to have batch norms as in training. Of several
    parameter groups the one with the largest rate gets these rates, the others keep their ratios to it.

    Args:
        model: the network.
        optimizer: of its parameters.
        batch: what the model is called with: a tensor, a tuple of positional arguments, or a mapping of named ones.
        rates: learning rates, all at least 0 (rate,).
        loss: makes the loss whose gradients are taken, by calling the model itself. Without it the gradients are those
            that are there. L-BFGS wants one.

    Raises:
        OptionError: rates are no rates, or the optimizer has none above 0 to tell the groups' ratios from.
        ModelError: nothing can be seen in a part of the model, or it has no ReLU-like site.

    >>> _ = torch.manual_seed(0)
    >>> net, x = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1)), torch.randn(64, 4)
    >>> found = sensitivity(
    ...     net, torch.optim.SGD(net.parameters(), lr=1.0), x, rates=[0, 1e9], loss=lambda: net(x).square().mean()
    ... )
    >>> found.sites, found.mean.round(2).tolist()
    (('1',), [0.0, 1.0])
    """
    wanted = np.asarray(rates, np.float64)
    if wanted.ndim != 1 or not wanted.size or not (np.isfinite(wanted) & (wanted >= 0)).all():
        raise OptionError(f"rates: wanted numbers from 0 on in a row, got {rates!r}")
    inner = unwrapped(optimizer)
    own = [float(group["lr"]) for group in inner.param_groups]
    if not max(own) > 0:
        raise OptionError("the optimizer's learning rates: wanted one above 0, to tell the groups' ratios from")
    positional, named = _arguments(batch)
    probe = Probe(model)
    try:
        with rolled_back(inner, model):
            probe.want()
            with probe.alone(), torch.enable_grad():
                unwrap_model(model)(*positional, **named)
            closure = None if loss is None else _closure(inner, loss, probe)
            if closure is not None:
                closure()
            with trials(inner, many=True, closure=closure, model=model) as at:
                found = []
                for rate in wanted:
                    with at([rate * each / max(own) for each in own]):
                        found.append(probe.measure())
    finally:
        probe.detach()
    sites = tuple(found[0])
    return Sensitivity(wanted, sites, np.array([[D[site] for site in sites] for D in found]))


def _arguments(batch: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(batch, Mapping):
        return (), dict(batch)
    return (tuple(batch) if isinstance(batch, tuple | list) else (batch,)), {}


def _closure(optimizer: Optimizer, loss: Callable[[], Tensor], probe: Probe) -> Callable[[], Tensor]:
    def closure() -> Tensor:
        with probe.alone(), torch.enable_grad():
            optimizer.zero_grad()
            value = loss()
            value.backward()
        return value

    return closure
