"""Scalars: a report as the flat names and numbers that loggers take."""

from typing import Any

from ...analyzer.report import Report
from ...analyzer.values.estimate import Estimate

Scalar = int | float

SITE = tuple(
    "units samples dead_units linear_units dead_unit_ratio linear_unit_ratio dead_point_ratio linear_point_ratio "
    "active_share patterns top_pattern entropy relative_entropy vni effective_units preactivation_vni "
    "preactivation_effective_units nonfinite_values".split()
)
"""What is logged of a site, as SITE/NAME; units by their number."""

NETWORK = ("dead_points_somewhere", "dead_points_somewhere_ratio")
SPAN = ("samples", "window_forwards", "window_first_step", "window_last_step")
"""What is logged of the window, under the bare name."""


def scalars(report: Report) -> dict[str, Scalar]:
    """The numbers of a report by name; what a site has no value for is left out, an estimate is its value.

    >>> from ...analyzer.report import SiteReport
    >>> site = SiteReport("features.3", "relu", {"units": 8, "dead_units": (1, 5), "vni": None})
    >>> scalars(Report((site,), network={"samples": 64}))
    {'samples': 64, 'features.3/units': 8, 'features.3/dead_units': 2}
    """
    found = {name: report.network[name] for name in (*SPAN, *NETWORK) if name in report.network}
    for site in report:
        found |= {f"{site.name}/{name}": site.values[name] for name in SITE if name in site.values}
    return {name: _number(value) for name, value in found.items() if value is not None}


def _number(value: Any) -> Scalar:
    if isinstance(value, tuple):
        return len(value)
    number: Scalar = float(value) if isinstance(value, Estimate) else value
    return number
