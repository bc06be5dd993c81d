"""The report of a window, with its steps and samples in every row, and statistics as tensors for a checkpoint."""

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
from .reduce import STATISTICS, comoment_type

Statistics = Mapping[type[Any], Any]

_ALL_NONFINITE = "no sample of the window is finite here"
_NO_TRACES = (
    "No traces of points through the network: the sites changed between forward passes, or have "
    "different numbers of samples."
)


def build_window_report(
    statistics: Mapping[Site, Statistics],
    traces: tuple[tuple[str, ...], PointTraces] | None,
    *,
    skipped: Mapping[str, tuple[str, str]],
    samples: int,
    span: Mapping[str, Value],
    provenance: Mapping[str, Any],
) -> Report:
    """Evaluate the analyzer's measures on the statistics of a window.

    Args:
        statistics: of each site, in the order of the data flow.
        traces: the names of the sites that all points pass, and their traces; None without traces.
        skipped: kind and reason of each site that could not be analysed.
        samples: number of samples of the window.
        span: the steps of the window, repeated in every row.
        provenance: further entries on the origin of the report.
    """
    finite = {site: found for site, found in statistics.items() if UnitRanges in found}
    network: dict[str, Value] = {"samples": samples, **span}
    if traces is not None:
        unit_ranges = {site.name: found[UnitRanges] for site, found in finite.items()}
        network |= network_values(unit_ranges, *traces)
    return Report(
        sites=tuple(SiteReport(site.name, site.kind, {**_values(site, each), **span}) for site, each in finite.items()),
        network=network,
        provenance=provenance,
        notes=() if traces is not None or not finite else (_NO_TRACES,),
        not_analysable=(
            *((site.name, site.kind, _ALL_NONFINITE) for site in statistics if site not in finite),
            *((name, kind, reason) for name, (kind, reason) in skipped.items()),
        ),
    )


def _values(site: Site, statistics: Statistics) -> dict[str, Value]:
    available = {*STATISTICS, comoment_type(site.kind)}
    return site_values(
        site,
        {kind.__name__: statistic for kind, statistic in statistics.items()},
        chosen=[measure.name for measure in MEASURES if available.issuperset(measure.needs)],
        samples=statistics[UnitRanges].samples + statistics[Nonfinite].samples,
    )


def pack_statistic(statistic: Any) -> dict[str, Any]:
    """Return the kind of a statistic and its fields by name, as numbers and tensors.

    >>> from relucid.analyzer.stats import Nonfinite
    >>> pack_statistic(Nonfinite(3, 2, 7))
    {'kind': 'Nonfinite', 'values': 3, 'samples': 2, 'first': 7}
    """
    return {"kind": packing.stored_name(type(statistic).__name__), **packing.pack(statistic, _to_tensor)}


def unpack_statistic(values: Mapping[str, Any]) -> Any:
    """Return the statistic that `pack_statistic` packed."""
    fields = {name: value for name, value in values.items() if name != "kind"}
    return packing.unpack(values["kind"], fields, _to_array)


def _to_tensor(name: str, array: Any) -> Any:
    del name
    if array.dtype == np.uint64:  # torch cannot pickle it
        return {"unsigned": torch.from_numpy(array.view(np.int64).copy())}
    return torch.from_numpy(array.copy())


def _to_array(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _to_array(value["unsigned"]).view(np.uint64)
    return value.cpu().numpy() if isinstance(value, torch.Tensor) else value
