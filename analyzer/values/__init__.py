"""The values a report may hold: plain data, and estimates with their standard errors."""

from .estimate import Estimate
from .plain_data import Value, equal_values, to_plain, unknown_name

__all__ = ["Estimate", "Value", "equal_values", "to_plain", "unknown_name"]
