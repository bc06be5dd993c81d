"""Accelerate: a plain loop with gradient accumulation; `accelerate launch` runs it in several processes."""

import sys
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn

from relucid.plugins.torch import Monitor, Separation
from relucid.plugins.torch.monitor import CsvLog


def main(folder: Path) -> None:
    """Train a small net on two half-spaces and write sites.csv into the folder."""
    torch.manual_seed(0)
    x = torch.randn(256, 8)
    data = torch.utils.data.TensorDataset(x, (x.sum(1) > 0).long())
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)

    separation = Separation(model, strength=1e-3)
    monitor = Monitor(model, window="epoch", every=2, log=CsvLog(folder / "sites.csv"))
    for _ in range(3):
        for inputs, classes in loader:
            with accelerator.accumulate(model):
                loss = nn.functional.cross_entropy(model(inputs), classes) + separation.penalty()
                accelerator.backward(loss)
                optimizer.step()
                optimizer.zero_grad()
        monitor.end_window()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
