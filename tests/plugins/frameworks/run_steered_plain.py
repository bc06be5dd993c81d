"""ActCooLR on two processes under DistributedDataParallel: writes parameters and readings."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from ..two_processes import one_of_two
from .steering import batches, net, steered, summarize

if __name__ == "__main__":
    with one_of_two() as rank:
        dist.init_process_group("gloo")
        layers = net()
        model = nn.parallel.DistributedDataParallel(layers)
        optimizer, schedule = steered(model, layers, total=6)
        for x, y in batches(12)[rank::2]:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            schedule.step()
        torch.save(summarize(layers, schedule), Path(sys.argv[1]) / f"{rank}.pt")
