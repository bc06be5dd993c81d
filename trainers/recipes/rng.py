"""Random generators that depend on seed, width and depth only; torch's global generator is restored."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def cell_generator(seed: int, width: int, depth: int) -> Iterator[torch.Generator]:
    """Yield a generator seeded with these three numbers.

    >>> with cell_generator(10, 3, 20) as one, cell_generator(10, 3, 20) as same:
    ...     torch.equal(torch.rand(2, generator=one), torch.rand(2, generator=same))
    True
    """
    entropy = np.random.SeedSequence((seed, width, depth)).generate_state(1)[0]
    with torch.random.fork_rng(devices=[]):  # constructors of torch layers draw from the global generator
        yield torch.Generator().manual_seed(int(entropy))
