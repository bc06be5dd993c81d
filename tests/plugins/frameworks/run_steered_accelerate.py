"""ActCooLR under Accelerate: alone from the tests, or as a process of two."""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from relucid.plugins.torch import ActCooLR

from ..two_processes import one_of_two
from .steering import SIZE, net, samples, steered, summarize


def train(
    data: Sequence,
    *,
    total: int,
    accumulate: int = 1,
    folder: Path | None = None,
    stop: int | None = None,
    skip: int = 0,
    prepared_first: bool = False,
) -> tuple[nn.Module, ActCooLR]:
    """Train, on the CPU; stop after some steps and save, or resume."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulate)
    layers = net()
    optimizer, schedule = steered(layers, layers, total=total)
    loader = torch.utils.data.DataLoader(data, batch_size=SIZE, shuffle=False)
    if prepared_first:  # the schedule is created for the objects that `prepare` returns
        schedule.detach()
        model, optimizer, loader = accelerator.prepare(layers, optimizer, loader)
        schedule = ActCooLR(optimizer, model, total_steps=total, start_temperature=1.0, probe_every=2)
        stepped = schedule
    else:
        model, optimizer, loader, stepped = accelerator.prepare(layers, optimizer, loader, schedule)
    if skip:
        accelerator.load_state(folder)
    for step, (inputs, classes) in enumerate(loader):
        if step < skip:
            continue
        with accelerator.accumulate(model):
            accelerator.backward(F.cross_entropy(model(inputs), classes))
            optimizer.step()
            stepped.step()
            optimizer.zero_grad()
        if step + 1 == stop:
            accelerator.save_state(folder)
            break
    return layers, schedule


if __name__ == "__main__":
    with one_of_two() as rank:
        torch.save(summarize(*train(samples(12), total=6)), Path(sys.argv[1]) / f"{rank}.pt")
