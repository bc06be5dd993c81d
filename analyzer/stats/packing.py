"""Convert a statistic to a dict of its fields, with its arrays in the form of a file format, and back."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from . import STATISTICS
from .labelled import Accuracy
from .patterns import Patterns
from .points import PointTraces

STORED_NAMES = {"UnitRanges": "Extents", "PointTraces": "Fates", "Accuracy": "Hits"}
"""Names in files of state format 1 of statistics that were renamed later, by their current names."""

_PRESENT_NAMES = {stored: name for name, stored in STORED_NAMES.items()}
_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (*STATISTICS, PointTraces, Accuracy)}


def stored_name(name: str) -> str:
    """The name of a statistic in a file.

    >>> stored_name("UnitRanges"), stored_name("Patterns")
    ('Extents', 'Patterns')
    """
    return STORED_NAMES.get(name, name)


def present_name(stored: str) -> str:
    """The current name of a statistic with the name `stored` in a file; the inverse of `stored_name`."""
    return _PRESENT_NAMES.get(stored, stored)


def pack(statistic: Any, array: Callable[[str, Any], Any]) -> dict[str, Any]:
    """The fields of a statistic by name; `array(name, values)` converts its arrays.

    >>> from . import Nonfinite
    >>> pack(Nonfinite(3, 2, 7), lambda name, values: values.tolist())
    {'values': 3, 'samples': 2, 'first': 7}
    """
    values = {field.name: getattr(statistic, field.name) for field in fields(statistic)}
    return {name: array(name, value) if isinstance(value, np.ndarray) else value for name, value in values.items()}


def unpack(name: str, values: Mapping[str, Any], array: Callable[[Any], Any]) -> Any:
    """Rebuild a statistic from its fields.

    Args:
        name: name of its class; an unknown name means patterns.
        values: its fields.
        array: inverse of the callback of `pack`; returns other values unchanged.

    >>> unpack("Nonfinite", {"values": 3, "samples": 2, "first": 7}, lambda value: value)
    Nonfinite(values=3, samples=2, first=7)
    """
    return _KINDS.get(present_name(name), Patterns)(**{field: array(value) for field, value in values.items()})
