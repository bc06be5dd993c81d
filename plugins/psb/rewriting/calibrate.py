"""How large the values of a model get on some data: what their fixed point is chosen by."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from ....analyzer.data import fixed_batch, input_specs, open_data, rebatch
from ....analyzer.data.batch import pad_batch
from ....analyzer.errors import DataError
from ....analyzer.model.loading import Model
from ....analyzer.passes.expose_values import InstrumentPass
from ....analyzer.runtime.session import open_session

SAMPLES = 512
"""As many samples are looked at: an extreme that more would show is met by the bit of room that is left."""


def largest(model: Model, values: Collection[str], data: Any) -> dict[str, float]:
    """The largest absolute value that each of these takes, among those that are finite.

    Args:
        model: in float; it is not changed.
        values: names of values of its graph.
        data: whatever `relucid.analyze` takes.

    Raises:
        DataError: the data does not fit the model, or is empty.
        ModelError: the runtime refuses the model.
    """
    tapping = InstrumentPass(values)
    copy = model.ir.clone()
    tapping(copy)
    session = open_session(replace(model, ir=copy))
    specs = input_specs(session.inputs())
    size = fixed_batch(specs) or 1
    found = dict.fromkeys(values, 0.0)
    seen = 0
    for batch in rebatch(open_data(data, specs), specs, batch=size, limit=SAMPLES):
        taps = session.run(list(tapping.tapped.values()), pad_batch(batch, specs, size))
        seen += len(batch.index)
        for value, tap in tapping.tapped.items():
            finite = np.abs(taps[tap][np.isfinite(taps[tap])])
            found[value] = max(found[value], float(finite.max(initial=0.0)))
    if not seen:
        raise DataError("no sample to calibrate with: the data is empty")
    return found
