"""course.csv: one row per site and state, for spreadsheets and data frames."""

import csv
import io
from typing import TYPE_CHECKING

from ..values.estimate import Estimate
from ..values.plain_data import Value

if TYPE_CHECKING:
    from ..report import Report


def encode(report: "Report") -> str:
    """Columns site, state, model, then every value known by state; empty where there is none, estimates by value.

    >>> from relucid.analyzer.report import Report, SiteReport
    >>> site = SiteReport("act", "relu", {"units": 2, "entropy": (1.5, 2.0), "distance_to_previous": (None, 0.25)})
    >>> print(encode(Report((site,), network={"states": ("a", "b")})))
    site,state,model,entropy,distance_to_previous
    act,0,a,1.5,
    act,1,b,2.0,0.25
    <BLANKLINE>
    """
    states = report.network["states"]
    names = list(dict.fromkeys(n for site in report.sites for n, v in site.values.items() if isinstance(v, tuple)))
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(["site", "state", "model", *names])
    for site in report.sites:
        series = [site.values[name] for name in names]
        for place, state in enumerate(states if isinstance(states, tuple) else ()):
            writer.writerow([site.name, place, state, *(_cell(each, place) for each in series)])
    return page.getvalue()


def _cell(series: Value, place: int) -> object:
    value = series[place] if isinstance(series, tuple) else None
    return "" if value is None else value.value if isinstance(value, Estimate) else value
