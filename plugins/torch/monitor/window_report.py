"""The report of a window: the analyzer's measures of what was seen, each site beside the steps it was seen in."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ....analyzer.measures import MEASURES
from ....analyzer.report import Report, SiteReport
from ....analyzer.report.evaluation import network_values, site_values
from ....analyzer.sites import Site
from ....analyzer.stats import Nonfinite, PointTraces, UnitRanges, packing
from ....analyzer.values.plain_data import Value
from .reduce import STATISTICS, comoments_of


def packed(statistic: Any) -> dict[str, Any]:
    """The fields of a statistic by name, and its kind.

    >>> from relucid.analyzer.stats import Nonfinite
    >>> packed(Nonfinite(3, 2, 7))
    {'kind': 'Nonfinite', 'values': 3, 'samples': 2, 'first': 7}
    """
    return {"kind": packing.stored_name(type(statistic).__name__), **packing.pack(statistic, _tensor)}


def unpacked(values: Mapping[str, Any]) -> Any:
    """The statistic again."""
    fields = {name: value for name, value in values.items() if name != "kind"}
    return packing.unpack(values["kind"], fields, _array)


def _tensor(name: str, array: Any) -> Any:
    del name
    if array.dtype == np.uint64:  # which torch cannot pickle
        return {"unsigned": torch.from_numpy(array.view(np.int64).copy())}
    return torch.from_numpy(array.copy())


def _array(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _array(value["unsigned"]).view(np.uint64)
    return value.cpu().numpy() if isinstance(value, torch.Tensor) else value


Statistics = Mapping[type[Any], Any]


def told(
    found: Mapping[Site, Statistics],
    followed: tuple[tuple[str, ...], PointTraces] | None,
    *,
    blind: Mapping[str, tuple[str, str]],
    samples: int,
    span: Mapping[str, Value],
    provenance: Mapping[str, Any],
) -> Report:
    """The report of a window.

    Args:
        found: statistics by site, in the order of the data flow.
        followed: the sites the points were followed through, and what became of them; None if they could not be.
        blind: kind and reason of every site that could not be seen.
        samples: how many samples the window has.
        span: what every row says of the window.
        provenance: what else to say of its making.
    """
    seen = {site: statistics for site, statistics in found.items() if UnitRanges in statistics}
    whole: dict[str, Value] = {"samples": samples, **span}
    if followed is not None:
        extents = {site.name: statistics[UnitRanges] for site, statistics in seen.items()}
        whole |= network_values(extents, *followed)
    return Report(
        sites=tuple(SiteReport(site.name, site.kind, {**_values(site, each), **span}) for site, each in seen.items()),
        network=whole,
        provenance=provenance,
        notes=() if followed is not None or not seen else (_NOT_FOLLOWED,),
        not_analysable=(
            *((site.name, site.kind, _SPOILT) for site in found if site not in seen),
            *((name, kind, why) for name, (kind, why) in blind.items()),
        ),
    )


_SPOILT = "no sample of the window is finite here"
_NOT_FOLLOWED = (
    "Points could not be followed through the network: its sites changed from forward to forward, or count different "
    "numbers of samples."
)


def _values(site: Site, found: Statistics) -> dict[str, Value]:
    kept = {*STATISTICS, comoments_of(site.kind)}
    return site_values(
        site,
        {kind.__name__: statistic for kind, statistic in found.items()},
        chosen=[measure.name for measure in MEASURES if kept.issuperset(measure.needs)],
        samples=found[UnitRanges].samples + found[Nonfinite].samples,
    )
