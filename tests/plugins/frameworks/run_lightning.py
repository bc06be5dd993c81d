"""The problem under Lightning: alone from the tests, or as a process of two."""

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from relucid.plugins.torch import Monitor, Separation, warm_up

from ..two_processes import one_of_two
from .problem import RATE, STRENGTH, Batch, batches, net

try:
    import lightning
except ImportError:  # the tests skip then
    lightning = None
else:
    from relucid.plugins.frameworks.lightning import RelucidCallback

    class Module(lightning.LightningModule):
        """Keeps the gradients of every optimizer step."""

        def __init__(self) -> None:
            super().__init__()
            self.net = net()
            self.found: list[list[Tensor]] = []

        def training_step(self, batch: Batch) -> Tensor:
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=RATE)

        def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:  # noqa: ARG002
            self.found.append([parameter.grad.clone() for parameter in self.net.parameters()])


class Loader:
    """A loader with a state: with any other, Lightning restarts the data of the epoch when it resumes."""

    def __init__(self, data: Sequence[Batch]) -> None:
        self.data, self.at = data, 0

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Batch]:
        self.at %= len(self.data)
        while self.at < len(self.data):
            self.at += 1
            yield self.data[self.at - 1]

    def state_dict(self) -> dict[str, int]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.at = state["at"]


def train(
    folder: Path, data: Sequence[Batch], *, warm: bool = False, from_: str | None = None, saving: Any = None, **options
) -> tuple["Module", Monitor]:
    """Fit, on the CPU, with both plugins."""
    module = Module()
    schedule = partial(warm_up, steps=7) if warm else None
    separation = Separation(module.net, strength=STRENGTH, schedule=schedule)
    monitor = Monitor(module.net, every=1, window=3)
    options = {"max_epochs": 1, "enable_checkpointing": saving is not None, "logger": False} | options
    trainer = lightning.Trainer(
        accelerator="cpu",
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[RelucidCallback(separation=separation, monitor=monitor), *([saving] if saving else [])],
        **options,
    )
    trainer.fit(module, Loader(data), ckpt_path=from_)
    separation.detach()
    monitor.detach()
    return module, monitor


if __name__ == "__main__":
    with one_of_two() as rank:
        module, _ = train(Path(sys.argv[1]), batches(6)[rank::2], strategy="ddp", devices=2, accumulate_grad_batches=2)
        torch.save(module.found, Path(sys.argv[1]) / f"{rank}.pt")
