"""One of two processes that train the same net, each on half of a batch: `two_processes.py FOLDER HOW RANK`."""

import os
import sys

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from relucid.plugins.torch import Separation


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(inplace=True), nn.Linear(6, 5), nn.GELU(), nn.Linear(5, 2))


def batch() -> torch.Tensor:
    return torch.randn(8, 4, generator=torch.Generator().manual_seed(1))


def step(model: nn.Module, separation: Separation, x: torch.Tensor) -> list[torch.Tensor]:
    """Gradients of a loss with the penalty."""
    model.zero_grad()
    (model(x).square().mean() + separation.penalty()).backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


def main(folder: str, how: str, rank: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=int(rank), world_size=2)
    model = net()
    if how == "sharded":
        fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
    wrapped = model if how == "sharded" else DistributedDataParallel(model)
    separation = Separation(wrapped if how == "to the wrapper" else model, strength=1.0)
    found = step(wrapped, separation, batch().chunk(2)[int(rank)])
    if how == "sharded":
        found = [gradient.full_tensor() for gradient in found]
    if rank == "0":
        torch.save((found, [site.name for site in separation._capture.sites]), f"{folder}/found")
    dist.barrier()
    sys.stdout.flush()
    os._exit(0)  # gloo's threads, joined by a process that ends in order, abort or hang it now and then


if __name__ == "__main__":
    main(*sys.argv[1:])
