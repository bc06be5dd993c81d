"""The problem under Hugging Face's Trainer: alone from the tests, or as a process of two."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relucid.plugins.torch import Monitor, Separation, warm_up

from ..two_processes import one_of_two
from .problem import RATE, SIZE, STRENGTH, net, samples

try:
    import transformers
except ImportError:  # the tests skip then
    transformers = None
else:
    from relucid.plugins.frameworks.transformers import RelucidTrainer

    class Keeping(transformers.TrainerCallback):
        """Keeps the gradients of every optimizer step."""

        def __init__(self) -> None:
            self.found: list[list[Tensor]] = []

        def on_pre_optimizer_step(self, args, state, control, *, model, **more) -> None:  # noqa: ARG002
            self.found.append([parameter.grad.clone() for parameter in model.parameters()])


class Net(nn.Module):
    """The net in the form that the Trainer expects: it returns its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = net()

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.layers(x)
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}


class ScaledNet(Net):
    """The same, its loss a sum over items divided by the number of all items of the optimizer step."""

    def forward(self, x: Tensor, labels: Tensor, **options: Any) -> dict[str, Tensor]:
        logits = self.layers(x)
        items = options.get("num_items_in_batch", len(x))
        return {"loss": F.cross_entropy(logits, labels, reduction="sum") / items, "logits": logits}


def train(
    folder: Path,
    data: Sequence,
    *,
    model: nn.Module | None = None,
    warm: bool = False,
    from_: str | None = None,
    **options,
) -> tuple[nn.Module, Monitor, list[list[Tensor]], "RelucidTrainer"]:
    """Train, on the CPU, with both plugins."""
    model = model or Net()
    schedule = partial(warm_up, steps=7) if warm else None
    separation = Separation(model, strength=STRENGTH, schedule=schedule)
    monitor = Monitor(model, every=1, window=3)
    keeping = Keeping()
    arguments = {
        "output_dir": str(folder),
        "per_device_train_batch_size": SIZE,
        "num_train_epochs": 1,
        "learning_rate": RATE,
        "lr_scheduler_type": "constant",
        "optim": "sgd",
        "max_grad_norm": 0.0,
        "train_sampling_strategy": "sequential",
        "use_cpu": True,
        "report_to": "none",
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_strategy": "no",
        "dataloader_pin_memory": False,
    }
    trainer = RelucidTrainer(
        model=model,
        args=transformers.TrainingArguments(**arguments | options),
        train_dataset=[{"x": x, "labels": int(y)} for x, y in data],
        callbacks=[keeping],
        separation=separation,
        monitor=monitor,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train(resume_from_checkpoint=from_)
    separation.detach()
    monitor.detach()
    return model, monitor, keeping.found, trainer


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with one_of_two() as rank:
        for name, model in (("mean", Net()), ("scaled", ScaledNet())):
            _, _, found, _ = train(folder / name, samples(6), model=model, gradient_accumulation_steps=2)
            torch.save(found, folder / f"{name}{rank}.pt")
