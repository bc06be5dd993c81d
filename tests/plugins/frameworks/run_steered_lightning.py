"""ActCooLR under Lightning: alone from the tests, or as a process of two."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..two_processes import one_of_two
from .run_lightning import Loader
from .steering import Batch, batches, net, steered, summarize

if TYPE_CHECKING:
    from relucid.plugins.torch import ActCooLR

try:
    import lightning
except ImportError:  # the tests skip then
    lightning = None
else:

    class Module(lightning.LightningModule):
        """What a user writes: the schedule, and that it counts steps."""

        def __init__(self, total: int) -> None:
            super().__init__()
            self.total = total
            self.net = net()
            self.schedule: ActCooLR | None = None

        def training_step(self, batch: Batch) -> Tensor:
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            optimizer, self.schedule = steered(self.net, self.net, total=self.total)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.schedule, "interval": "step"}}


def train(
    folder: Path, data: Sequence[Batch], *, total: int, from_: str | None = None, saving: Any = None, **options
) -> "Module":
    """Fit, on the CPU."""
    module = Module(total)
    trainer = lightning.Trainer(
        accelerator="cpu",
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[saving] if saving else [],
        **{"max_epochs": 1, "enable_checkpointing": saving is not None, "logger": False} | options,
    )
    trainer.fit(module, Loader(data), ckpt_path=from_)
    return module


if __name__ == "__main__":
    with one_of_two() as rank:
        module = train(Path(sys.argv[1]), batches(12)[rank::2], total=6, strategy="ddp", devices=2)
        torch.save(summarize(module.net, module.schedule), Path(sys.argv[1]) / f"{rank}.pt")
