"""Preserve: whatever happens in between, training goes on as if nothing had: random numbers, training flags."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def preserved(model: nn.Module) -> Iterator[None]:
    """Restore the states of Python's, numpy's and torch's random numbers, and of the model's training flags.

    >>> model = nn.Dropout()
    >>> with preserved(model):
    ...     _ = model.eval(), torch.rand(3)
    >>> model.training
    True
    """
    flags = [(module, module.training) for module in model.modules()]
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - user code may draw from it
    try:
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        for module, training in flags:
            module.training = training
