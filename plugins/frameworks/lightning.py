"""Lightning: separation and monitor as one callback of its Trainer."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ...analyzer.errors import import_optional
from ..torch import Separation
from ..torch.monitor.loggers import Scalar
from ..torch.monitor.monitor import Monitor
from .parts import Parts

import_optional("lightning.pytorch", package="relucid[lightning]", task="this adapter")

from lightning.pytorch import Callback, LightningModule, Trainer  # noqa: E402 - after the line above it cannot fail


class RelucidCallback(Callback):
    """Adds the separation term to every loss, logs the monitor, keeps both in the checkpoint.

        Trainer(callbacks=[RelucidCallback(separation=Separation(model), monitor=Monitor(model))])

    `model` is the LightningModule if its `training_step` calls `self(...)`, else the network it calls there. The
    gradients are those of loss + term in every micro-batch, accumulated as Lightning accumulates losses. A monitor with
    a log of its own keeps it; the others write to the trainer's loggers, at its global step, named relucid/SITE/NAME.

    Args:
        separation: made for the model that is trained.
        monitor: made for the same model; its window "epoch" ends with the trainer's epochs.

    Raises:
        OptionError: one of them is something else.
    """

    def __init__(self, *, separation: Separation | None = None, monitor: Monitor | None = None) -> None:
        self._parts = Parts(separation, monitor)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the monitor a log."""
        del pl_module, stage

        def log(values: dict[str, Scalar], step: int) -> None:
            del step
            named = {f"relucid/{name}": value for name, value in values.items()}
            for logger in trainer.loggers:
                logger.log_metrics(named, step=trainer.global_step)

        self._parts.log_by(log)

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Add the term to a loss that is divided for accumulation already, and multiplied by the loss scale in fp16."""
        if self._parts.separation is None:
            return
        term = self._parts.separation.penalty()
        pl_module.log("relucid/separation", term.detach())
        term = term / trainer.accumulate_grad_batches
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        loss.add_(term if scaler is None else scaler.scale(term))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End a window that is an epoch."""
        del trainer, pl_module
        self._parts.end_epoch()

    def state_dict(self) -> dict[str, Any]:
        """States of both."""
        return self._parts.state_dict()

    def load_state_dict(self, state_dict: dict[str, Mapping[str, Any]]) -> None:
        """Go on where the checkpoint was saved."""
        self._parts.load_state_dict(state_dict)
