"""Hugging Face: RelucidTrainer, a Trainer with the options separation and monitor."""

import sys

import torch
from torch import nn
from transformers import TrainingArguments

from relucid.plugins.frameworks.transformers import RelucidTrainer
from relucid.plugins.torch import Monitor, Separation


class Net(nn.Module):
    """A small net that returns its loss, as the Trainer expects."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Loss and logits."""
        logits = self.layers(x)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "."
    data = [{"x": x, "labels": int(x.sum() > 0)} for x in torch.randn(256, 8)]
    net = Net()
    RelucidTrainer(
        model=net,
        args=TrainingArguments(folder, num_train_epochs=3, logging_steps=4, use_cpu=True, report_to="none"),
        train_dataset=data,
        separation=Separation(net),
        monitor=Monitor(net, every=16),
    ).train()
