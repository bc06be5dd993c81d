"""Lightning: separation and monitor in one callback."""

import sys
from pathlib import Path

import lightning
import torch
from torch import nn

from relucid.plugins.frameworks.lightning import RelucidCallback
from relucid.plugins.torch import Monitor, Separation


class Net(lightning.LightningModule):
    """A small net."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        """The loss of a batch."""
        return nn.functional.cross_entropy(self.layers(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=1e-2)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    x = torch.randn(256, 8)
    data = torch.utils.data.TensorDataset(x, (x.sum(1) > 0).long())
    net = Net()
    relucid = RelucidCallback(separation=Separation(net.layers), monitor=Monitor(net.layers, every=4))
    logger = lightning.pytorch.loggers.CSVLogger(folder)
    lightning.Trainer(max_epochs=3, accelerator="cpu", callbacks=[relucid], logger=logger).fit(
        net, torch.utils.data.DataLoader(data, batch_size=32)
    )
