"""A tap: the array a session gives out for a site, turned into our axes (sample, position, unit) without a copy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DataError
from .sites import Site

Array = NDArray[Any]


def in_axes(tap: Array, site: Site, *, batch: int, every_position: bool = False) -> Array:
    """View a tap as (sample, position, unit).

    1. The site's sample axis has as many entries as the batch: it is the sample axis, the unit axis the last, all
       others are positions.
    2. One sample was run: whatever the other axes mean, they are positions of that sample.
    3. The first axis is a multiple of the batch (sample and something else were flattened together): it is split.

    Args:
        tap: what the session gave out.
        site: where it was tapped.
        batch: how many samples were run.
        every_position: count every coordinate of a sample as a unit of its own, in the order of the tap's own axes.

    Raises:
        DataError: the samples cannot be told apart in this tap.
    """
    if tap.ndim == 0:
        return tap.reshape(1, 1, 1)
    axis = site.sample_axis if site.sample_axis < tap.ndim else 0
    unit = site.unit_axis % tap.ndim if -tap.ndim <= site.unit_axis < tap.ndim else tap.ndim - 1
    if tap.ndim > 1 and tap.shape[axis] == batch and axis != unit:
        arranged = np.moveaxis(tap, axis, 0) if axis else tap
        unit += unit < axis
    elif batch == 1:
        arranged, unit = tap[np.newaxis], unit + 1
    elif unit != 0 and tap.shape[0] % batch == 0:
        arranged, unit = tap.reshape(batch, -1, *tap.shape[1:]), unit + 1
    else:
        raise DataError(
            f"site {site.name!r}: the samples of a batch of {batch} cannot be told apart in its values of shape "
            f"{tap.shape}; run with a batch of 1"
        )
    if every_position:
        return arranged.reshape(batch, 1, -1)
    units = arranged.shape[unit]
    before = int(np.prod(arranged.shape[1:unit], dtype=np.int64))
    split = arranged.reshape(batch, before, units, -1)
    return split.transpose(0, 1, 3, 2).reshape(batch, -1, units)


def as_float(tap: Array) -> Array:
    """The same numbers in a type numpy computes in: float32 and float64 stay, half precision and integers widen."""
    if tap.dtype in (np.float32, np.float64):
        return tap
    return tap.astype(np.float32 if tap.dtype.kind == "f" or tap.dtype.itemsize < 4 else np.float64)
