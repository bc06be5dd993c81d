"""Train under DistributedDataParallel in two processes; save the logs and the gradients."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from relucid.plugins.torch import Monitor, Separation

from ..two_processes import one_of_two
from .problem import RATE, STRENGTH, batches, net


def train(folder: Path, rank: int) -> None:
    """A few steps of a plain loop."""
    dist.init_process_group("gloo")
    model = nn.parallel.DistributedDataParallel(net())
    separation = Separation(model, strength=STRENGTH)
    logged: list[tuple[int, dict]] = []
    monitor = Monitor(model, every=1, window=2, log=lambda values, step: logged.append((step, values)))
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    found = []
    for x, y in batches(8)[rank::2]:
        loss = F.cross_entropy(model(x), y) + separation.penalty()
        optimizer.zero_grad()
        loss.backward()
        found.append([parameter.grad.clone() for parameter in model.parameters()])
        optimizer.step()
    points = monitor.report["1"].nonlinear_points
    torch.save({"logged": logged, "gradients": found, "points": points}, folder / f"{rank}.pt")


if __name__ == "__main__":
    with one_of_two() as rank:
        train(Path(sys.argv[1]), rank)
