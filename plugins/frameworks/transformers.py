"""Hugging Face: separation and monitor for its Trainer, with a mixin for the loss and a callback for the rest."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ...analyzer.atomic_write import write_atomically
from ...analyzer.errors import OptionError, import_optional
from ..torch import Monitor, Separation
from ..torch.monitor.monitor import Log
from .adapter import check_plugins, collect_states, end_epoch, load_states

import_optional("transformers", package="relucid[transformers]", task="this adapter")
import_optional("accelerate", package="relucid[transformers]", task="this adapter")

from transformers import (  # noqa: E402 - checked by the lines above
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

if TYPE_CHECKING:
    _Base = Trainer
else:
    _Base = object

FILE = "relucid.pt"
"""The file in a checkpoint folder that holds the states of separation and monitor."""


class RelucidCallback(TrainerCallback):
    """Saves the states of separation and monitor in the checkpoints, and ends a monitor's window with the epoch.

    A monitor with a log needs only this callback, not the mixin.

    Args:
        separation: created for the model that is trained.
        monitor: created for the same model.
        log: used by a monitor without a log.

    Raises:
        OptionError: one of the first two is of another type.
    """

    def __init__(
        self, *, separation: Separation | None = None, monitor: Monitor | None = None, log: Log | None = None
    ) -> None:
        check_plugins(separation, monitor)
        self._separation = separation
        self._monitor = monitor
        if monitor is not None:
            monitor.fallback_log = log

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Load the states of a checkpoint that the training resumes from."""
        del control, more
        if not state.global_step:
            return
        file = _file(args, state)
        if not file.exists():
            warnings.warn(
                f"expected {file}, got no file: separation and monitor restart from step 0",
                stacklevel=2,
            )
            return
        load_states(torch.load(file, weights_only=True), self._separation, self._monitor)

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """End the monitor's window if it is an epoch."""
        del args, state, control, more
        end_epoch(self._monitor)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any) -> None:
        """Save the states in the trainer's checkpoint folder."""
        del control, more
        if state.is_world_process_zero:
            with write_atomically(_file(args, state)) as part:
                torch.save(collect_states(self._separation, self._monitor), part)


class RelucidMixin(_Base):
    """Adds the separation term to the loss of a Trainer, which also logs the monitor.

        class MyTrainer(RelucidMixin, Trainer): ...
        MyTrainer(model, args, train_dataset=data, separation=Separation(model), monitor=Monitor(model))

    The gradients are those of the Trainer's loss plus the mean of the term over the micro-batches of an optimizer step,
    also of a last one with fewer micro-batches.

    Args:
        args: of the Trainer.
        separation: created for the model that is trained.
        monitor: created for the same model; without a log it logs as relucid/SITE/NAME through `Trainer.log`.
        options: of the Trainer.

    Raises:
        OptionError: the class is not a Trainer, or one of the two is of another type.
    """

    def __init__(
        self, *args: Any, separation: Separation | None = None, monitor: Monitor | None = None, **options: Any
    ) -> None:
        if not isinstance(self, Trainer):
            raise OptionError(
                f"{type(self).__name__}: expected a Trainer after the mixin, got none; inherit (RelucidMixin, Trainer)"
            )

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
        """Return the Trainer's loss, with gradients plus the term."""
        result: Any = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if self.separation is None or not torch.is_grad_enabled():
            return result
        loss, *outputs = result if return_outputs else (result,)
        term = self.separation.penalty()
        if self._is_already_scaled(num_items_in_batch):
            term = term / self.current_gradient_accumulation_steps
        loss = loss + term
        return (loss, *outputs) if return_outputs else loss

    def _is_already_scaled(self, num_items_in_batch: Any) -> bool:
        """Whether the Trainer assumes that `compute_loss` has divided the loss by the number of accumulation steps."""
        if self.loss_is_scaled_for_ga is not None:
            return bool(self.loss_is_scaled_for_ga)
        divides = self.model_accepts_loss_kwargs and num_items_in_batch is not None
        return bool(divides or self.compute_loss_func is not None)


class RelucidTrainer(RelucidMixin, Trainer):
    """Hugging Face's Trainer with separation and monitor."""


def _file(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(str(args.output_dir)) / f"checkpoint-{state.global_step}" / FILE
