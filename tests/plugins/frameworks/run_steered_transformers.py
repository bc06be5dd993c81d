"""ActCooLR under Hugging Face's Trainer: alone from the tests, or as a process of two."""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relucid.plugins.torch import ActCooLR

from ..two_processes import one_of_two
from .steering import SIZE, net, samples, steered, summarize

try:
    import transformers
except ImportError:  # the tests skip then
    transformers = None


class Net(nn.Module):
    """The net in the form that the Trainer expects."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = net()

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.layers(x)
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}


def train(
    folder: Path, data: Sequence, *, total: int, from_: str | None = None, **options
) -> tuple[nn.Module, ActCooLR, "transformers.Trainer"]:
    """Train, on the CPU, with `optimizers=(optimizer, schedule)`."""
    model = Net()
    optimizer, schedule = steered(model, model, total=total)
    arguments = {
        "output_dir": str(folder),
        "per_device_train_batch_size": SIZE,
        "num_train_epochs": 1,
        "max_grad_norm": 0.0,
        "train_sampling_strategy": "sequential",
        "use_cpu": True,
        "report_to": "none",
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_strategy": "steps",
        "logging_steps": 1,
        "dataloader_pin_memory": False,
    }
    trainer = transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(**arguments | options),
        train_dataset=[{"x": x, "labels": int(y)} for x, y in data],
        optimizers=(optimizer, schedule),
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train(resume_from_checkpoint=from_)
    return model.layers, schedule, trainer


if __name__ == "__main__":
    with one_of_two() as rank:
        layers, schedule, _ = train(Path(sys.argv[1]), samples(12), total=6)
        torch.save(summarize(layers, schedule), Path(sys.argv[1]) / f"{rank}.pt")
