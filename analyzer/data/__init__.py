"""Data of any kind as batches a model can run: one reader for each kind of source, all generators."""

from .batches import Batch, rebatch
from .feeds import Feed
from .identity import identity
from .inputs import InputSpec, fixed_batch, input_specs
from .opening import open_data

__all__ = ["Batch", "Feed", "InputSpec", "fixed_batch", "identity", "input_specs", "open_data", "rebatch"]
