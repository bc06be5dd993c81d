"""Hugging Face: separation and monitor for its Trainer, as a mixin for the loss and a callback for the rest."""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..torch import Separation
from ..torch.monitor import Log, Monitor
from .wanted import wanted

with wanted("transformers"):
    from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

FILE = "relucid.pt"
"""What a checkpoint folder holds of relucid."""


class RelucidCallback(TrainerCallback):
    """Keeps the states of separation and monitor in the checkpoints, and ends a monitor's epochs.

    Alone it is enough for a monitor, whose numbers then go to the monitor's own log.

    Args:
        separation: made for the model that is trained.
        monitor: made for the same model.
        log: given to a monitor that has none.
    """

    def __init__(
        self, *, separation: Separation | None = None, monitor: Monitor | None = None, log: Log | None = None
    ) -> None:
        self._parts = {"separation": separation, "monitor": monitor}
        self._monitor = monitor
        if monitor is not None and monitor.log is None:
            monitor.log = log

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Go on where the checkpoint was saved, if there is one."""
        del control, more
        if not state.global_step:
            return
        file = _file(args, state)
        if not file.exists():
            warnings.warn(f"{file} is not there: separation and monitor start anew", stacklevel=2)
            return
        saved = torch.load(file, weights_only=True)
        for name, part in self._parts.items():
            if part is not None and name in saved:
                part.load_state_dict(saved[name])

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """End a window that is an epoch."""
        del args, state, control, more
        if self._monitor is not None and self._monitor.window == "epoch":
            self._monitor.end_window()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Save beside the trainer's own files."""
        del control, more
        if state.is_world_process_zero:
            parts = {name: part.state_dict() for name, part in self._parts.items() if part is not None}
            torch.save(parts, _file(args, state))


class RelucidMixin:
    """Adds the separation term to the loss of a Trainer and lets the monitor log through it.

        class MyTrainer(RelucidMixin, Trainer): ...
        MyTrainer(model, args, train_dataset=data, separation=Separation(model), monitor=Monitor(model))

    The gradients are those of the Trainer's loss plus the mean of the term over the micro-batches of an optimizer step,
    those of a short last one included.

    Args:
        args: of the Trainer.
        separation: made for the model that is trained.
        monitor: made for the same model; without a log of its own it logs as relucid/SITE/NAME through `Trainer.log`.
        options: of the Trainer.
    """

    def __init__(
        self, *args: Any, separation: Separation | None = None, monitor: Monitor | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.separation = separation

        def log(values: dict[str, Any], step: int) -> None:
            del step
            self.log({f"relucid/{name}": value for name, value in values.items()})

        self.add_callback(RelucidCallback(separation=separation, monitor=monitor, log=log))

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,  # noqa: FBT001, FBT002 - the Trainer's signature
        num_items_in_batch: Any = None,
    ) -> Any:
        """The Trainer's loss and, where it trains, the term."""
        found = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if self.separation is None or not torch.is_grad_enabled():
            return found
        loss, *outputs = found if return_outputs else (found,)
        term = self.separation.penalty()
        if self._counts_as_scaled(num_items_in_batch):
            term = term / self.current_gradient_accumulation_steps
        loss = loss + term
        return (loss, *outputs) if return_outputs else loss

    def _counts_as_scaled(self, num_items_in_batch: Any) -> bool:
        """Whether the Trainer takes what `compute_loss` returns as divided by the steps of accumulation already."""
        if self.loss_is_scaled_for_ga is not None:
            return self.loss_is_scaled_for_ga
        return (self.model_accepts_loss_kwargs and num_items_in_batch is not None) or self.compute_loss_func is not None


class RelucidTrainer(RelucidMixin, Trainer):
    """Hugging Face's Trainer with both."""


def _file(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(args.output_dir) / f"checkpoint-{state.global_step}" / FILE
