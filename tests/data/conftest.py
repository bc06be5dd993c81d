"""Specs of typical models, and a function that joins batches."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from relucid.analyzer.data import Batch, InputSpec, input_specs


@pytest.fixture(scope="session")
def images() -> tuple[InputSpec, ...]:
    """A model of small gray images."""
    return input_specs([("x", np.dtype("f4"), ("batch", 1, 4, 5))])


@pytest.fixture(scope="session")
def speech() -> tuple[InputSpec, ...]:
    """A model with a state whose sample axis is 1, and a scalar, as voice detectors have."""
    return input_specs(
        [
            ("input", np.dtype("f4"), ("batch", "time")),
            ("state", np.dtype("f4"), (2, "batch", 3)),
            ("sr", np.dtype("i8"), ()),
        ]
    )


@pytest.fixture(scope="session")
def whole() -> Callable[[Iterable[Batch], Iterable[InputSpec]], dict[str, np.ndarray]]:
    """Join the batches of a source: one array for each input, and the labels if there are any."""

    def join(batches: Iterable[Batch], specs: Iterable[InputSpec]) -> dict[str, np.ndarray]:
        batches = list(batches)
        arrays = {
            spec.name: batches[0].arrays[spec.name]
            if spec.sample_axis is None
            else np.concatenate([batch.arrays[spec.name] for batch in batches], spec.sample_axis)
            for spec in specs
        }
        labels = [batch.labels for batch in batches if batch.labels is not None]
        return arrays | ({"labels": np.concatenate(labels)} if labels else {})

    return join
