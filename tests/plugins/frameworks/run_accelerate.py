"""The problem under Accelerate: alone from the tests, or as a process of two."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relucid.plugins.torch import Monitor, Separation, warm_up

from ..two_processes import one_of_two
from .problem import RATE, SIZE, STRENGTH, net, samples


def train(
    data: Sequence,
    *,
    accumulate: int = 1,
    epochs: int = 1,
    stop: int | None = None,
    folder: Path | None = None,
    skip: int = 0,
) -> tuple[nn.Module, Monitor, list[list[Tensor]]]:
    """Train, on the CPU, with both plugins; stop after some steps and save, or resume."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulate)
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9 if folder else 0.0)
    model, optimizer, loader = accelerator.prepare(
        model, optimizer, torch.utils.data.DataLoader(data, batch_size=SIZE, shuffle=False)
    )
    separation = Separation(model, strength=STRENGTH, schedule=partial(warm_up, steps=7) if folder else None)
    monitor = Monitor(model, every=1, window=3)
    accelerator.register_for_checkpointing(separation, monitor)
    if skip:
        accelerator.load_state(folder)
    found, steps = [], 0
    for _ in range(epochs):
        for inputs, classes in loader:
            steps += 1
            if steps <= skip:
                continue
            with accelerator.accumulate(model):
                loss = F.cross_entropy(model(inputs), classes) + separation.penalty()
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    found.append([parameter.grad.clone() for parameter in model.parameters()])
                optimizer.step()
                optimizer.zero_grad()
            if steps == stop:
                accelerator.save_state(folder)
                return model, monitor, found
    return model, monitor, found


if __name__ == "__main__":
    with one_of_two() as rank:
        _, _, found = train(samples(6), accumulate=2)
        torch.save(found, Path(sys.argv[1]) / f"{rank}.pt")
