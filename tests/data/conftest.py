"""What every reader's test wants: specs of usual models, and feeds put together again."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from relucid.analyzer.data import Feed, InputSpec, input_specs


@pytest.fixture(scope="session")
def images() -> tuple[InputSpec, ...]:
    """A model of small gray images."""
    return input_specs([("x", np.dtype("f4"), ("batch", 1, 4, 5))])


@pytest.fixture(scope="session")
def speech() -> tuple[InputSpec, ...]:
    """A model with a state whose samples lie along axis 1, and a scalar, as voice detectors have."""
    return input_specs(
        [
            ("input", np.dtype("f4"), ("batch", "time")),
            ("state", np.dtype("f4"), (2, "batch", 3)),
            ("sr", np.dtype("i8"), ()),
        ]
    )


@pytest.fixture(scope="session")
def whole() -> Callable[[Iterable[Feed], Iterable[InputSpec]], dict[str, np.ndarray]]:
    """Put the feeds of a source together: one array for each input, and the labels if there are any."""

    def join(feeds: Iterable[Feed], specs: Iterable[InputSpec]) -> dict[str, np.ndarray]:
        feeds = list(feeds)
        arrays = {
            spec.name: feeds[0].arrays[spec.name]
            if spec.sample_axis is None
            else np.concatenate([feed.arrays[spec.name] for feed in feeds], spec.sample_axis)
            for spec in specs
        }
        labels = [feed.labels for feed in feeds if feed.labels is not None]
        return arrays | ({"labels": np.concatenate(labels)} if labels else {})

    return join
