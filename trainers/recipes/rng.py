"""Random numbers of one cell: the same whatever else is trained, and torch's own generator is left as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def cell_generator(seed: int, width: int, depth: int) -> Iterator[torch.Generator]:
    """Give out a generator that depends on these three numbers alone.

    >>> with cell_generator(10, 3, 20) as one, cell_generator(10, 3, 20) as same:
    ...     torch.equal(torch.rand(2, generator=one), torch.rand(2, generator=same))
    True
    """
    drawn = np.random.SeedSequence((seed, width, depth)).generate_state(1)[0]
    with torch.random.fork_rng(devices=[]):  # torch's layers draw weights of their own before they are given any
        yield torch.Generator().manual_seed(int(drawn))
