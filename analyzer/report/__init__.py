"""A report: plain data, shown as a table, a page, JSON and CSV, and tested by conditions."""

from .report import Report, SiteReport

__all__ = ["Report", "SiteReport"]


def __dir__() -> list[str]:
    return sorted(__all__)
