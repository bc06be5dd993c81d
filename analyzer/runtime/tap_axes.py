"""Taps as (sample, position, unit): rearrange the array that a session returns for a site, without a copy.

A tap is a value inside the graph that was made an output of the session.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..sites import Site

Array = NDArray[Any]
ROUNDING = 0.01
"""Largest difference between two runs of one sample that counts as rounding, as a share of the largest value."""


def in_axes(tap: Array, site: Site, *, batch: int, every_position: bool = False) -> Array:
    """View a tap as (sample, position, unit).

    1. The site's sample axis has as many entries as the batch: it is the sample axis, the unit axis the last, all
       others are positions.
    2. One sample was run: all axes but the unit axis are positions of that sample.
    3. The first axis is a multiple of the batch (sample and another axis were flattened together): it is split.
    4. The only axis is as long as the batch: each sample has one unit.

    Args:
        tap: the array that the session returned, in the model's axes.
        site: where it was tapped.
        batch: number of samples in the run.
        every_position: count every coordinate of a sample as a unit, in the order of the tap's axes.

    Raises:
        DataError: no axis of this tap has one entry per sample.
    """
    if tap.shape == (batch,) or (tap.ndim == 0 and batch == 1):
        return tap.reshape(batch, 1, 1)
    axis = site.sample_axis if site.sample_axis < tap.ndim else 0
    unit = site.unit_axis % tap.ndim if -tap.ndim <= site.unit_axis < tap.ndim else tap.ndim - 1
    if tap.ndim > 1 and tap.shape[axis] == batch and axis != unit:
        arranged = np.moveaxis(tap, axis, 0) if axis else tap
        unit += unit < axis
    elif batch == 1:
        arranged, unit = tap[np.newaxis], unit + 1
    elif tap.ndim > 1 and unit != 0 and tap.shape[0] % batch == 0:
        arranged, unit = tap.reshape(batch, tap.shape[0] // batch, *tap.shape[1:]), unit + 1
    else:
        raise DataError(
            f"site {site.name!r}: expected an axis with one entry for each of the {batch} samples of a batch, "
            f"got values of shape {tap.shape}; run with a batch of 1"
        )
    before, units, after = prod(arranged.shape[1:unit]), arranged.shape[unit], prod(arranged.shape[unit + 1 :])
    if every_position:
        return arranged.reshape(batch, 1, before * units * after)
    return arranged.reshape(batch, before, units, after).transpose(0, 1, 3, 2).reshape(batch, before * after, units)


def agree(one: Array, other: Array) -> bool:
    """Whether two arrays hold the same numbers up to rounding; NaN equals NaN.

    >>> agree(np.array([1.0, np.nan]), np.array([1.0001, np.nan])), agree(np.zeros(2), np.zeros((2, 1)))
    (True, False)
    """
    if one.shape != other.shape:
        return False
    largest = max(float(np.abs(each[np.isfinite(each)]).max(initial=0)) for each in (one, other))
    return np.allclose(one, other, rtol=0, atol=ROUNDING * largest, equal_nan=True)
