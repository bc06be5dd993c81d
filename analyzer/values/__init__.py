"""What a report may hold: plain values, and estimates with their standard errors."""

from .estimate import Estimate
from .plain_data import Value, no_such, plain, same

__all__ = ["Estimate", "Value", "no_such", "plain", "same"]
