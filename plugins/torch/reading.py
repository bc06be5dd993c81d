"""Reading: what one step did to the patterns, as plain numbers; and many of them as one tensor for a checkpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

import torch

from ...analyzer.measures.temperature import temperature

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
