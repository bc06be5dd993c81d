"""The values a report may hold: plain data, and estimates with their standard errors."""

from .estimate import Estimate
from .plain_data import Value, describe_unknown_name, equal_values, to_plain

__all__ = ["Estimate", "Value", "describe_unknown_name", "equal_values", "to_plain"]


def __dir__() -> list[str]:
    return sorted(__all__)
