"""Lightning: separation and monitor in one callback of its Trainer."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ...analyzer.errors import import_optional
from ..torch import Monitor, Separation
from ..torch.monitor.loggers import Scalar
from .adapter import check_plugins, collect_states, end_epoch, load_states

import_optional("lightning.pytorch", package="relucid[lightning]", task="this adapter")

from lightning.pytorch import Callback, LightningModule, Trainer  # noqa: E402 - checked by the line above


class RelucidCallback(Callback):
    """Adds the separation term to every loss, logs the monitor, and saves both in the checkpoint.

        Trainer(callbacks=[RelucidCallback(separation=Separation(model), monitor=Monitor(model))])

    `model` is the LightningModule if its `training_step` calls `self(...)`, else the network that it calls. The
    gradients are those of loss + term in every micro-batch, accumulated as Lightning accumulates losses. A monitor
    without a log writes to the trainer's loggers as relucid/SITE/NAME, at the trainer's global step.

    Args:
        separation: created for the model that is trained.
        monitor: created for the same model; with `window="epoch"` a window is an epoch of the trainer.

    Raises:
        OptionError: one of them is of another type.
    """

    def __init__(self, *, separation: Separation | None = None, monitor: Monitor | None = None) -> None:
        check_plugins(separation, monitor)
        self._separation = separation
        self._monitor = monitor

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Set the trainer's loggers as the monitor's fallback."""
        del pl_module, stage
        if self._monitor is None:
            return

        def log(values: dict[str, Scalar], step: int) -> None:
            del step
            named = {f"relucid/{name}": value for name, value in values.items()}
            for logger in trainer.loggers:
                logger.log_metrics(named, step=trainer.global_step)

        self._monitor.fallback_log = log

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Add the term, divided like the loss for gradient accumulation and, in fp16, multiplied by its scale."""
        if self._separation is None:
            return
        term = self._separation.penalty()
        pl_module.log("relucid/separation", term.detach())
        term = term / trainer.accumulate_grad_batches
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        loss.add_(term if scaler is None else scaler.scale(term))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the monitor's window if it is an epoch."""
        del trainer, pl_module
        end_epoch(self._monitor)

    def state_dict(self) -> dict[str, Any]:
        """Return the states of both."""
        return collect_states(self._separation, self._monitor)

    def load_state_dict(self, state_dict: dict[str, Mapping[str, Any]]) -> None:
        """Load the states of both."""
        load_states(state_dict, self._separation, self._monitor)
