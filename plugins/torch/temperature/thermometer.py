"""The temperature of optimizer steps: the share of patterns that every k-th step changes, under any schedule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from ....analyzer.errors import OptionError
from ....analyzer.measures.pattern_temperature import network_distance, temperature
from ..steps.optimizer_hooks import hook_steps, unwrap_optimizer
from .pattern_change import PatternProbe

_COLUMNS = ("step", "group", "rate", "distance", "wanted", "mu", "sigma", "fits")
_INTEGERS = frozenset({"step", "group", "fits"})


@dataclass(frozen=True)
class Reading:
    """The measurement of one optimizer step.

    Args:
        step: number of optimizer steps before it.
        rate: learning rate of the step; with several groups at fixed ratios the largest.
        distance: P, the mean of D over the sites: the share of patterns that the step changed.
        group: index of the parameter group, if each has its own rate; else 0.
        wanted: target of P; nan without a target.
        mu: parameter of the transition model after this measurement.
        sigma: parameter of the transition model after this measurement.
        fits: number of full fits so far.
        sites: D of each site.

    >>> Reading(step=8, rate=0.1, distance=0.5).temperature
    1.0
    """

    step: int
    rate: float
    distance: float
    group: int = 0
    wanted: float = nan
    mu: float = nan
    sigma: float = nan
    fits: int = 0
    sites: Mapping[str, float] = field(default_factory=dict)

    @property
    def temperature(self) -> float:
        """T = -log2(1 - P), in bits."""
        return temperature(self.distance)


def pack_readings(readings: Sequence[Reading]) -> dict[str, Any]:
    """Pack readings into a table, for a state.

    Returns:
        `sites`, the names of the sites, and `numbers`, a float64 tensor (reading, column) with the sites last.

    >>> pack_readings([Reading(step=8, rate=0.1, distance=0.5, sites={"1": 0.5})])["sites"]
    ['1']
    """
    sites = [*dict.fromkeys(name for reading in readings for name in reading.sites)]
    rows = [
        [getattr(reading, name) for name in _COLUMNS] + [reading.sites.get(site, nan) for site in sites]
        for reading in readings
    ]
    return {
        "sites": sites,
        "numbers": torch.tensor(rows, dtype=torch.float64).reshape(len(rows), len(_COLUMNS) + len(sites)),
    }


def unpack_readings(table: Mapping[str, Any]) -> list[Reading]:
    """Unpack the readings of a table, the inverse of `pack_readings`.

    >>> kept = [Reading(step=8, rate=0.1, distance=0.5, wanted=0.4, mu=0.0, sigma=1.0, sites={"1": 0.5})]
    >>> unpack_readings(pack_readings(kept)) == kept
    True
    """
    found = []
    for row in table["numbers"].tolist():
        numbers = {name: int(x) if name in _INTEGERS else x for name, x in zip(_COLUMNS, row, strict=False)}
        sites = zip(table["sites"], row[len(_COLUMNS) :], strict=True)
        found.append(Reading(**numbers, sites={name: D for name, D in sites if D == D}))  # noqa: PLR0124 - NaN marks a site that is absent
    return found


class Thermometer:
    """Measures how many activation patterns a step changes: D of each site, P and T of the network (H, 3.2.2).

        thermometer = Thermometer(model, optimizer, every=8)

    Patterns are those of the training forward; after the step one more forward of the same batch follows. The training
    is not affected. Steps are those of the optimizer: accumulated batches make one, and a step that a gradient scaler
    skips does not count. In a distributed run every process creates a thermometer; they measure together.

    Args:
        model: the network that the training calls.
        optimizer: the optimizer of its parameters.
        every: k; the first step is measured, then every k-th.

    Raises:
        OptionError: an option is out of range.
        ModelError: a part of the model cannot be observed.

    >>> import torch
    >>> model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU())
    >>> _ = model[0].weight.data.fill_(1.0)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=3.0)
    >>> thermometer = Thermometer(model, optimizer, every=1)
    >>> model(torch.tensor([[1.0], [-1.0]])).sum().backward()
    >>> optimizer.step()  # from 1 to -2: both patterns change
    >>> thermometer.history[0].distance
    1.0
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, *, every: int = 8) -> None:
        if every < 1:
            raise OptionError(f"every: expected 1 or more optimizer steps, got {every}")
        self.every = every
        self._optimizer = unwrap_optimizer(optimizer)
        self._readings: list[Reading] = []
        self._step = self._due = 0
        self._probe = PatternProbe(model)
        self._probe.arm()
        self._remove_hooks = hook_steps(optimizer, before=lambda: None, after=self._after_step)

    @property
    def history(self) -> tuple[Reading, ...]:
        """The measurements so far."""
        return tuple(self._readings)

    def detach(self) -> None:
        """Remove the hooks from model and optimizer; the history stays."""
        self._probe.detach()
        self._remove_hooks()

    def _after_step(self) -> None:
        if self._probe.ready:
            sites = self._probe.measure()
            rate = max(float(group["lr"]) for group in self._optimizer.param_groups)
            P = network_distance([*sites.values()])
            self._readings.append(Reading(step=self._step, rate=rate, distance=P, sites=sites))
            self._due = self._step + self.every
        self._probe.forget()
        self._step += 1
        if self._step >= self._due:
            self._probe.arm()
