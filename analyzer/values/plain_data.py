"""Plain data: conversion of the values that measures return, and their equality."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .estimate import Estimate

MAX_KNOWN_NAMES = 8
"""Maximum number of known names in the message on an unknown name."""
Value = int | float | bool | str | None | tuple[Any, ...] | Estimate | NDArray[Any]


def to_plain(values: Mapping[str, Any], *, arrays: bool = False) -> dict[str, Any]:
    """Copy the values as plain data.

    Numpy scalars become Python's, lists become tuples, and a non-finite float becomes None.

    Args:
        values: by name.
        arrays: keep arrays (unit,) as read-only copies, floats as float64 with NaN for any non-finite entry;
            otherwise arrays become tuples.

    Raises:
        ValueError: a value is not plain data.

    >>> to_plain({"a": np.float32(0.5), "b": [1, 2], "c": float("inf")})
    {'a': 0.5, 'b': (1, 2), 'c': None}
    """
    return {
        str(name): _frozen_array(value) if arrays and isinstance(value, np.ndarray) else _plain(value)
        for name, value in values.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    if isinstance(value, Mapping):
        return to_plain(value)
    if value is None or isinstance(value, int | str | Estimate):
        return value
    raise ValueError(f"expected plain data, got {type(value).__name__}: {value!r}")


def _frozen_array(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 1 or array.dtype.kind not in "biufU":
        raise ValueError(f"expected an array (unit,) of numbers or text, got {array.dtype} of shape {array.shape}")
    if array.dtype.kind == "f":
        copy = array.astype(np.float64)
        copy[~np.isfinite(copy)] = np.nan
    else:
        copy = array.copy()
    copy.flags.writeable = False
    return copy


def equal_values(one: Any, other: Any) -> bool:
    """Return whether two plain values are equal: arrays entry by entry (NaN equals NaN), mappings in any order.

    >>> equal_values({"a": np.array([1.0, np.nan])}, {"a": np.array([1.0, np.nan])})
    True
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(equal_values(one[name], other[name]) for name in one)
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == other.dtype.kind == "f"))
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return False
    return bool(one == other)


def describe_unknown_name(what: str, name: object, known: Iterable[str]) -> str:
    """Return the error message for an unknown name, with similar known names.

    Args:
        what: beginning of the message, followed by the name.
        name: the unknown name.
        known: the names that exist.

    >>> describe_unknown_name("no site is named", "conv", ["conv1", "fc"])
    "no site is named 'conv'; did you mean 'conv1'?"
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only needed for an error

    names = list(known)
    close = get_close_matches(str(name), names, n=3)
    if close:
        return f"{what} {name!r}; did you mean {' or '.join(map(repr, close))}?"
    listed = ", ".join(names[:MAX_KNOWN_NAMES]) + (
        f" ... ({len(names)} in all)" if len(names) > MAX_KNOWN_NAMES else ""
    )
    return f"{what} {name!r}; it has {listed or 'none'}"
