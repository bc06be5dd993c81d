"""The processes of a distributed run: their ranks, and objects gathered from all of them."""

from typing import Any

import torch.distributed as dist


def get_rank_and_world_size() -> tuple[int, int]:
    """Return the rank of this process and the number of processes; (0, 1) without a process group.

    >>> get_rank_and_world_size()
    (0, 1)
    """
    if not (dist.is_available() and dist.is_initialized()):
        return 0, 1
    return dist.get_rank(), dist.get_world_size()


def gather_objects(value: Any) -> list[Any]:
    """Return the values of all processes in the order of ranks, the same on each; a collective call.

    >>> gather_objects(1.5)
    [1.5]
    """
    world_size = get_rank_and_world_size()[1]
    if world_size == 1:
        return [value]
    values: list[Any] = [None] * world_size
    dist.all_gather_object(values, value)
    return values
