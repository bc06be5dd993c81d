"""Packing: statistics as plain numbers and tensors, which a checkpoint holds and `torch.load` reads without pickle."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ...analyzer.stats import packing


def packed(statistic: Any) -> dict[str, Any]:
    """The fields of a statistic by name, and its kind.

    >>> from ...analyzer.stats import Nonfinite
    >>> packed(Nonfinite(3, 2, 7))
    {'kind': 'Nonfinite', 'values': 3, 'samples': 2, 'first': 7}
    """
    return {"kind": type(statistic).__name__, **packing.packed(statistic, _tensor)}


def unpacked(values: Mapping[str, Any]) -> Any:
    """The statistic again."""
    fields = {name: value for name, value in values.items() if name != "kind"}
    return packing.unpacked(values["kind"], fields, _array)


def _tensor(name: str, array: Any) -> Any:
    del name
    if array.dtype == np.uint64:  # which torch cannot pickle
        return {"unsigned": torch.from_numpy(array.view(np.int64).copy())}
    return torch.from_numpy(array.copy())


def _array(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _array(value["unsigned"]).view(np.uint64)
    return value.cpu().numpy() if isinstance(value, torch.Tensor) else value
