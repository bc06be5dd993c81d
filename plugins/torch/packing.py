"""Packing: statistics as plain numbers and tensors, which a checkpoint holds and `torch.load` reads without pickle."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import torch

from ...analyzer.stats import STATISTICS, Fates

_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (*STATISTICS, Fates)}


def packed(statistic: Any) -> dict[str, Any]:
    """The fields of a statistic by name, and its kind.

    >>> from ...analyzer.stats import Nonfinite
    >>> packed(Nonfinite(3, 2, 7))
    {'kind': 'Nonfinite', 'values': 3, 'samples': 2, 'first': 7}
    """
    values = {field.name: _plain(getattr(statistic, field.name)) for field in fields(statistic)}
    return {"kind": type(statistic).__name__, **values}


def unpacked(values: Mapping[str, Any]) -> Any:
    """The statistic again."""
    kind = _KINDS[values["kind"]]
    return kind(**{field.name: _array(values[field.name]) for field in fields(kind)})


def _plain(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == np.uint64:  # which torch cannot pickle
        return {"unsigned": torch.from_numpy(value.view(np.int64).copy())}
    return torch.from_numpy(value.copy())


def _array(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _array(value["unsigned"]).view(np.uint64)
    return value.cpu().numpy() if isinstance(value, torch.Tensor) else value
