"""Calibration: choose the fixed-point format of each value by its range on some data."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from ....analyzer.data import fixed_batch, input_specs, open_data, rebatch
from ....analyzer.data.batch import filled
from ....analyzer.errors import DataError
from ....analyzer.model.loading import Model
from ..encoding.fixed_point import FRACTION, fraction_for
from ..tapped_session import open_tapped

CALIBRATION_SAMPLES = 512
"""At most so many samples are read; the bit of headroom covers extremes that more samples would show."""


def choose_fractions(model: Model, values: Collection[str], data: Any) -> dict[str, int]:
    """The number of fraction bits of each value, by name; 10 each without data."""
    if data is None or not values:
        return dict.fromkeys(values, FRACTION)
    return {name: fraction_for(size) for name, size in largest_values(model, values, data).items()}


def largest_values(model: Model, values: Collection[str], data: Any) -> dict[str, float]:
    """The largest finite absolute value of each of these values on the data.

    Args:
        model: in float; it is not changed.
        values: names of values of its graph.
        data: as `relucid.analyze` accepts it.

    Raises:
        DataError: the data does not fit the model, or is empty.
        ModelError: onnxruntime rejects the model.
    """
    session, run = open_tapped(replace(model, ir=model.ir.clone()), values)
    specs = input_specs(session.inputs())
    size = fixed_batch(specs) or 1
    largest = dict.fromkeys(values, 0.0)
    count = 0
    for batch in rebatch(open_data(data, specs), specs, batch=size, limit=CALIBRATION_SAMPLES):
        count += len(batch.index)
        for value, array in run(filled(batch, specs, size)).items():
            finite = np.abs(array[np.isfinite(array)])
            largest[value] = max(largest[value], float(finite.max(initial=0.0)))
    if not count:
        raise DataError("calibration: expected at least one sample, got empty data; pass other data or none")
    return largest
