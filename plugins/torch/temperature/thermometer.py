"""Temperature: the share of patterns that every k-th optimizer step changes, whoever chooses the learning rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from ....analyzer.errors import OptionError
from ....analyzer.measures.pattern_temperature import network_distance, temperature
from ..steps.optimizer_hooks import Steps, unwrapped
from .pattern_change import Probe

_NUMBERS = ("step", "group", "rate", "distance", "wanted", "mu", "sigma", "fits")
_WHOLE = frozenset({"step", "group", "fits"})


@dataclass(frozen=True)
class Reading:
    """One optimizer step, measured.

    Args:
        step: how many optimizer steps came before it.
        group: the parameter group whose rate it is, where each has its own; else 0.
        rate: learning rate of the step; of several groups at fixed ratios the largest.
        distance: P, the mean of D over the sites: the share of patterns that the step changed.
        wanted: the P that was asked for; nan where nobody asks.
        mu: of the model of the transition after this reading.
        sigma: the same.
        fits: full fits until then.
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


def packed_readings(readings: Sequence[Reading]) -> dict[str, Any]:
    """Readings as a table: the names of its columns, sites last, and its numbers (reading, column) in float64.

    >>> packed_readings([Reading(step=8, rate=0.1, distance=0.5, sites={"1": 0.5})])["sites"]
    ['1']
    """
    sites = [*dict.fromkeys(name for reading in readings for name in reading.sites)]
    rows = [
        [getattr(reading, name) for name in _NUMBERS] + [reading.sites.get(site, nan) for site in sites]
        for reading in readings
    ]
    return {
        "sites": sites,
        "numbers": torch.tensor(rows, dtype=torch.float64).reshape(len(rows), len(_NUMBERS) + len(sites)),
    }


def unpacked_readings(table: Mapping[str, Any]) -> list[Reading]:
    """The readings again.

    >>> kept = [Reading(step=8, rate=0.1, distance=0.5, wanted=0.4, mu=0.0, sigma=1.0, sites={"1": 0.5})]
    >>> unpacked_readings(packed_readings(kept)) == kept
    True
    """
    found = []
    for row in table["numbers"].tolist():
        numbers = {name: int(x) if name in _WHOLE else x for name, x in zip(_NUMBERS, row, strict=False)}
        sites = zip(table["sites"], row[len(_NUMBERS) :], strict=True)
        found.append(Reading(**numbers, sites={name: D for name, D in sites if D == D}))  # noqa: PLR0124 - nan: not there
    return found


class Thermometer:
    """Measures how many activation patterns a step changes: D of each site, P and T of the network (H, 3.2.2).

        thermometer = Thermometer(model, optimizer, every=8)

    Patterns are those of the training forward; one more forward of the same batch follows the step. Nothing of the
    training changes by it. A step is one of the optimizer: accumulated batches make one, a step that a gradient scaler
    skips is none. In a distributed run every process makes one of its own; they measure together.

    Args:
        model: the network that the training calls.
        optimizer: that moves its parameters.
        every: k; the first step is measured, then every k-th.

    Raises:
        OptionError: an option has a value that cannot be meant.
        ModelError: a part of the model cannot be seen into.

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
            raise OptionError(f"every: wanted 1 or more optimizer steps, got {every}")
        self.every = every
        self._optimizer = unwrapped(optimizer)
        self._readings: list[Reading] = []
        self._step = self._due = 0
        self._probe = Probe(model)
        self._probe.want()
        self._steps = Steps(optimizer, before=lambda: None, after=self._stepped)

    @property
    def history(self) -> tuple[Reading, ...]:
        """What was measured so far."""
        return tuple(self._readings)

    def detach(self) -> None:
        """Take the hooks off model and optimizer; the history stays."""
        self._probe.detach()
        self._steps.detach()

    def _stepped(self) -> None:
        if self._probe.ready:
            sites = self._probe.measure()
            rate = max(float(group["lr"]) for group in self._optimizer.param_groups)
            P = network_distance([*sites.values()])
            self._readings.append(Reading(step=self._step, rate=rate, distance=P, sites=sites))
            self._due = self._step + self.every
        self._probe.forget()
        self._step += 1
        if self._step >= self._due:
            self._probe.want()
