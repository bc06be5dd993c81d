"""A feed: some consecutive samples as they come from the data, already fit for the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .inputs import InputSpec

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Feed:
    """Some number of consecutive samples.

    Args:
        arrays: one array for each input, by name, in the dtype and shape it wants; the number of samples is free.
        labels: class of each sample (sample,), or None.
    """

    arrays: dict[str, Array]
    labels: NDArray[np.int64] | None


def sample_count(arrays: Mapping[str, Array], specs: Sequence[InputSpec]) -> int:
    """Number of samples in arrays that are fit for the model; 1 if the model's inputs are all shared.

    >>> spec = InputSpec("state", np.dtype("f4"), (2, "batch"), 1)
    >>> sample_count({"state": np.zeros((2, 5), "f4")}, [spec])
    5
    """
    for spec in specs:
        array = arrays[spec.name]
        axis = spec.axis_of(array.ndim)
        if axis is not None:
            return int(array.shape[axis])
    return 1


def along(array: Array, axis: int | None, part: slice) -> Array:
    """The samples `part` of an array, as a view; a shared array (axis None) as it is.

    >>> along(np.arange(6).reshape(2, 3), 1, slice(0, 2)).tolist()
    [[0, 1], [3, 4]]
    """
    return array if axis is None else array[(slice(None),) * axis + (part,)]
