"""Values inside the graph of a model: a session that returns them, and their range on some data."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...analyzer.data import fixed_batch, input_specs, open_data, rebatch
from ...analyzer.data.batch import pad_batch
from ...analyzer.errors import DataError
from ...analyzer.model.loading import Model
from ...analyzer.passes.expose_values import InstrumentPass
from ...analyzer.runtime.session import Session, open_session

CALIBRATION_SAMPLES = 512
"""Maximum number of samples read; the bit of headroom covers larger values of further samples."""

Arrays = dict[str, NDArray[Any]]


def open_tapped(
    model: Model, values: Collection[str], *, threads: int | None = None
) -> tuple[Session, Callable[[Arrays], Arrays]]:
    """Open a session that returns values of the graph.

    Args:
        model: its graph is changed: the values become outputs.
        values: names of values.
        threads: as for `open_session`.

    Returns:
        The session, and a function from the inputs of the model to the values, by name.
    """
    tapping = InstrumentPass(values)
    tapping(model.ir)
    session, names = open_session(model, threads=threads), tapping.tapped

    def run(feed: Arrays) -> Arrays:
        outputs = session.run(list(names.values()), feed)
        return {value: outputs[tap] for value, tap in names.items()}

    return session, run


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
        for value, array in run(pad_batch(batch, specs, size)).items():
            finite = np.abs(array[np.isfinite(array)])
            largest[value] = max(largest[value], float(finite.max(initial=0.0)))
    if not count:
        raise DataError("calibration: expected at least one sample, got empty data; pass other data or none")
    return largest
