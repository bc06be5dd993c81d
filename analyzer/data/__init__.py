"""Data of any kind as batches a model can run: one reader for each kind of source, all generators."""

from .batch import Batch, Feed, rebatch
from .input_spec import InputSpec, fixed_batch, input_specs
from .sources import open_data, source_identity

__all__ = ["Batch", "Feed", "InputSpec", "fixed_batch", "input_specs", "open_data", "rebatch", "source_identity"]
