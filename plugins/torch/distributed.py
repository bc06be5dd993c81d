"""Ranks: the same thing seen by every process of a distributed run."""

from typing import Any

import torch.distributed as dist


def place() -> tuple[int, int]:
    """This process's number and how many there are: 0 of 1 where nothing is distributed.

    >>> place()
    (0, 1)
    """
    if not (dist.is_available() and dist.is_initialized()):
        return 0, 1
    return dist.get_rank(), dist.get_world_size()


def gathered(value: Any) -> list[Any]:
    """What each process has, in the order of ranks, the same on all of them; all of them must call.

    >>> gathered("mine")
    ['mine']
    """
    world = place()[1]
    if world == 1:
        return [value]
    values: list[Any] = [None] * world
    dist.all_gather_object(values, value)
    return values
