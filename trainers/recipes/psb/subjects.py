"""The networks of the PSB figures that are trained here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from ....analyzer.model.loading import load
from ....plugins.psb import torch as psb_torch
from ...datasets.labelled import Split
from ...nets.residual import Residual
from ..recipe import RunConfig
from .judging import MOST_SAMPLES, Subject
from .nets import AfterAddition, SmallNet
from .sizes import AFTER, CALIBRATION, RESNET, SMALL, Size, spread_over
from .train import trained


@dataclass(frozen=True, eq=False)
class Trained:
    """What is trained here: nets by name, with the epochs each takes.

    Args:
        order: what somebody wants.
        size: how large everything is.
        data: images, standardized.
    """

    order: RunConfig
    size: Size
    data: Split

    def subject(self, name: str, told: Callable[[int], None]) -> Subject:
        """A net of that name as it is judged, trained now unless its weights are in the folder.

        The PSB model of one that was trained at few samples is that of its float copy, as `psb_torch.export` makes it.
        """
        epochs = self.size.epochs_by_net[name]
        samples = int(name.removeprefix(f"{SMALL}-")) if name.startswith(SMALL) else 0
        label = f"{name}-e{epochs}-n{len(self.data.train)}-s{self.order.seed}"
        example = (torch.from_numpy(self.data.val.x[:2]),)
        net = trained(
            lambda: self._built(name),
            self.data,
            self.order.out / "weights" / f"{label}.pt",
            epochs=epochs,
            seed=self.order.seed,
            told=told,
            prepare=lambda net: _at(net, samples, example) if samples else net,
            augmented=self.size.augmented,
        )
        return Subject(
            label,
            cache(lambda: load(psb_torch.float_copy(net), example_inputs=example).ir),
            spread_over(self.data.val, self.size.images),
            spread_over(self.data.train, CALIBRATION).x,
        )

    def _built(self, name: str) -> nn.Module:
        channels = self.data.train.x.shape[1]
        if name.startswith(SMALL):
            return SmallNet(width=self.size.small, channels=channels)
        if name == AFTER:
            return AfterAddition(self.size.depth, widths=self.size.narrow, channels=channels)
        return Residual(
            self.size.depth, widths=self.size.widths if name == RESNET else self.size.narrow, channels=channels
        )


def _at(net: nn.Module, samples: int, example: tuple[torch.Tensor, ...]) -> nn.Module:
    return psb_torch.convert(net, example, samples=samples, most_samples=MOST_SAMPLES, exact=False)
