"""A plain PyTorch loop with a separation term in the loss and a monitor."""

import sys
from pathlib import Path

import torch
from torch import nn

from relucid.plugins.torch import Monitor, Separation
from relucid.plugins.torch.monitor import CsvLog


def main(folder: Path) -> None:
    """Train a small net on two half-spaces and write sites.csv into the folder."""
    torch.manual_seed(0)
    x = torch.randn(256, 8)
    data = torch.utils.data.TensorDataset(x, (x.sum(1) > 0).long())
    loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    separation = Separation(model, strength=1e-3)
    monitor = Monitor(model, every=4, log=CsvLog(folder / "sites.csv"))
    for _ in range(3):
        for inputs, classes in loader:
            loss = nn.functional.cross_entropy(model(inputs), classes) + separation.penalty()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    monitor.snapshot(loader).save(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
