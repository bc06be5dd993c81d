"""Data of any kind as batches that fit the model: one streaming reader for each kind of source."""

from .batch import Batch, rebatch
from .input_spec import InputSpec, fixed_batch, input_specs
from .sources import open_data, source_identity

__all__ = ["Batch", "InputSpec", "fixed_batch", "input_specs", "open_data", "rebatch", "source_identity"]


def __dir__() -> list[str]:
    return sorted(__all__)
