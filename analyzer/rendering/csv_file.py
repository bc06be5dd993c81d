"""units.csv: one row per site and unit, for spreadsheets and data frames."""

import csv
import io
from typing import TYPE_CHECKING

from .numbers import number

if TYPE_CHECKING:
    from ..report import Report


def encode(report: "Report") -> str:
    """Columns site, unit (its number), then every value known by unit; empty where there is none.

    >>> import numpy as np
    >>> from relucid.analyzer.report import Report, SiteReport
    >>> print(encode(Report((SiteReport("act", "relu", {"unit_low": np.array([-1.5, np.nan])}),))))
    site,unit,unit_low
    act,0,-1.5
    act,1,
    <BLANKLINE>
    """
    names = list(dict.fromkeys(name for site in report.sites for name in site.per_unit))
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(["site", "unit", *names])
    for site in report.sites:
        arrays = site.per_unit
        units = len(next(iter(arrays.values()))) if arrays else int(number(site.values.get("units")) or 0)
        blank = [""] * units
        entries = [arrays[name].tolist() if name in arrays else blank for name in names]
        writer.writerows([site.name, *map(_cell, row)] for row in zip(range(units), *entries, strict=True))
    return page.getvalue()


def _cell(value: object) -> object:
    return "" if value != value else value  # noqa: PLR0124 - only NaN differs from itself
