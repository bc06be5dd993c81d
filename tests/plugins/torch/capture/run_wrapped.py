"""Train a net in two processes, each on half of a batch, inside each wrapper: `run_wrapped FOLDER`."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from relucid.plugins.torch import Separation

from ...two_processes import one_of_two


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


def gradients(how: str, rank: int) -> tuple[list[torch.Tensor], list[str]]:
    """The gradients of this process and the names of the captured sites."""
    model = net()
    if how == "sharded":
        fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
    wrapped = model if how == "sharded" else DistributedDataParallel(model)
    separation = Separation(wrapped if how == "to the wrapper" else model, strength=1.0)
    found = step(wrapped, separation, batch().chunk(2)[rank])
    if how == "sharded":
        found = [gradient.full_tensor() for gradient in found]
    return found, [site.name for site in separation._capture.sites]


if __name__ == "__main__":
    with one_of_two() as rank:
        dist.init_process_group("gloo")
        found = {how: gradients(how, rank) for how in ("to the module", "to the wrapper", "sharded")}
        if rank == 0:
            torch.save(found, Path(sys.argv[1]) / "found")
