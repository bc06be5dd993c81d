"""Hugging Face: separation and monitor for its Trainer, as a mixin for the loss and a callback for the rest."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ...analyzer.atomic_write import write_atomically
from ...analyzer.errors import OptionError, import_optional
from ..torch import Separation
from ..torch.monitor.monitor import Log, Monitor
from .parts import Parts

import_optional("transformers", package="relucid[transformers]", task="this adapter")
import_optional("accelerate", package="relucid[transformers]", task="this adapter")

from transformers import (  # noqa: E402 - after the lines above it cannot fail
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

if TYPE_CHECKING:
    _Mixed = Trainer
else:
    _Mixed = object

FILE = "relucid.pt"
"""What a checkpoint folder holds of relucid."""


class RelucidCallback(TrainerCallback):
    """Keeps the states of separation and monitor in the checkpoints, and ends a monitor's epochs.

    Alone it is enough for a monitor, whose numbers then go to the monitor's own log.

    Args:
        separation: made for the model that is trained.
        monitor: made for the same model.
        log: given to a monitor that has none.

    Raises:
        OptionError: one of the first two is something else.
    """

    def __init__(
        self, *, separation: Separation | None = None, monitor: Monitor | None = None, log: Log | None = None
    ) -> None:
        self._parts = Parts(separation, monitor)
        self._parts.log_by(log)

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
        self._parts.load_state_dict(torch.load(file, weights_only=True))

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """End a window that is an epoch."""
        del args, state, control, more
        self._parts.end_epoch()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Save beside the trainer's own files."""
        del control, more
        if state.is_world_process_zero:
            with write_atomically(_file(args, state)) as part:
                torch.save(self._parts.state_dict(), part)


class RelucidMixin(_Mixed):
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

    Raises:
        OptionError: it is mixed into something else, or one of the two is something else.
    """

    def __init__(
        self, *args: Any, separation: Separation | None = None, monitor: Monitor | None = None, **options: Any
    ) -> None:
        if not isinstance(self, Trainer):
            raise OptionError(f"{type(self).__name__}: wanted a Trainer behind the mixin, as (RelucidMixin, Trainer)")

        def log(values: dict[str, Any], step: int) -> None:
            del step
            self.log({f"relucid/{name}": value for name, value in values.items()})

        callback = RelucidCallback(separation=separation, monitor=monitor, log=log)
        super().__init__(*args, **options)
        self.separation = separation
        self.add_callback(callback)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,  # noqa: FBT001, FBT002 - the Trainer's signature
        num_items_in_batch: Any = None,
    ) -> Any:
        """The Trainer's loss and, where it trains, the term."""
        found: Any = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
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
            return bool(self.loss_is_scaled_for_ga)
        divides = self.model_accepts_loss_kwargs and num_items_in_batch is not None
        return bool(divides or self.compute_loss_func is not None)


class RelucidTrainer(RelucidMixin, Trainer):
    """Hugging Face's Trainer with both."""


def _file(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(str(args.output_dir)) / f"checkpoint-{state.global_step}" / FILE
