"""Plain data: what a report may hold, made from what the measures return, and when two such values are the same."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .estimate import Estimate

Value = int | float | bool | str | None | tuple[Any, ...] | Estimate | NDArray[Any]


def to_plain(values: Mapping[str, Any], *, arrays: bool = False) -> dict[str, Any]:
    """The same values as plain data, copied.

    Numpy scalars become Python's, lists tuples, and a float that is not finite None: it says nothing.

    Args:
        values: by name.
        arrays: keep arrays (unit,) as read-only copies, floats in float64 and NaN where they are not finite;
            else they become tuples.

    Raises:
        ValueError: a value is none of these kinds.

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
    raise ValueError(f"a report holds plain data, not {type(value).__name__}: {value!r}")


def _frozen_array(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 1 or array.dtype.kind not in "biufU":
        raise ValueError(f"an array of a report is (unit,) numbers or text, not {array.dtype} of shape {array.shape}")
    if array.dtype.kind == "f":
        copy = array.astype(np.float64)
        copy[~np.isfinite(copy)] = np.nan
    else:
        copy = array.copy()
    copy.flags.writeable = False
    return copy


def equal_values(one: Any, other: Any) -> bool:
    """Whether two plain values are equal, arrays entry by entry (NaN equals NaN), mappings in any order.

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


def unknown_name(what: str, name: object, known: Iterable[str]) -> str:
    """One line for a name that is not there, with those that look like it.

    >>> unknown_name("no site is named", "conv", ["conv1", "fc"])
    "no site is named 'conv'; did you mean 'conv1'?"
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only needed where something has gone wrong

    names = list(known)
    close = get_close_matches(str(name), names, n=3)
    if close:
        return f"{what} {name!r}; did you mean {' or '.join(map(repr, close))}?"
    shown = ", ".join(names[:8]) + (f" ... ({len(names)} in all)" if len(names) > 8 else "")
    return f"{what} {name!r}; it has {shown or 'none'}"
