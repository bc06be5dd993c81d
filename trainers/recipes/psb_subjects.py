"""The networks of the PSB figures: trained ones of other people, and those trained here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ...analyzer.errors import DataError, OptionError
from ...analyzer.model import load
from ...plugins.psb import torch as psb_torch
from ..datasets.cifar import cifar, standardized
from ..datasets.digits import digits
from ..datasets.labelled import Labelled, Split
from ..datasets.mnist import mnist
from ..nets.residual import Residual
from .psb_judging import MOST_SAMPLES, Subject
from .psb_nets import AfterAddition, SmallNet
from .psb_training import trained
from .recipe import Order

CALIBRATION = 256
LOSSLESS = "cifar10_test_lossless.npz"
RESNET, BEFORE, AFTER, SMALL = "resnet", "bn-before-addition", "bn-after-addition", "small"


@dataclass(frozen=True)
class Foreign:
    """A network that others trained: which data it wants, in which form.

    Args:
        name: of its file.
        data: mnist or cifar.
        channels_last: whether channels stand behind rows and columns.
        scale: what pixels between 0 and 1 are multiplied by.
        shift: what is added then.
    """

    name: str
    data: str
    channels_last: bool = False
    scale: float = 1.0
    shift: float = 0.0

    def seen(self, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Images (sample, channel, row, column) in [0, 1] as the network takes them."""
        x = (x * self.scale + self.shift).astype(np.float32)
        return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if self.channels_last else x


FOREIGN = (
    Foreign("mnist_cntk8", "mnist", scale=255.0),
    Foreign("marabou_cnn_max_mninst2", "mnist", channels_last=True),
    Foreign("winml_cifar_imageclassifier", "cifar", scale=2.0, shift=-1.0),
)


@dataclass(frozen=True)
class Size:
    """How large everything is.

    Args:
        depth: of the residual nets.
        widths: of the one that most figures are about.
        narrow: of the two that the effect of batch norms after additions is shown on.
        small: channels of the eight convolutions.
        epochs: of the residual net; the others have a third of them.
        trained_at: samples that the small net is trained at; 0 is float.
        images: how many are judged; of MNIST twice as many, for the costs of attention half as many.
        augmented: whether images are shifted and mirrored while training.
    """

    depth: int = 20
    widths: tuple[int, int, int] = (16, 32, 64)
    narrow: tuple[int, int, int] = (8, 16, 32)
    small: int = 64
    epochs: int = 16
    trained_at: tuple[int, ...] = (0, 1, 2, 4, 8, 16, 32)
    images: int = 1000
    augmented: bool = True

    @property
    def epochs_by_net(self) -> dict[str, int]:
        """Epochs by name; the small nets are called by the samples they are trained at."""
        third = -(-self.epochs // 3)
        nets = (BEFORE, AFTER, *(f"{SMALL}-{n}" for n in self.trained_at))
        return {RESNET: self.epochs} | dict.fromkeys(nets, third)


FULL = Size()
QUICK = Size(
    depth=8,
    widths=(8, 16, 16),
    narrow=(8, 8, 8),
    small=16,
    epochs=36,
    trained_at=(0, 1, 4),
    images=200,
    augmented=False,
)


def size_of(order: Order) -> Size:
    """The sizes that an order asks for."""
    size = QUICK if order.quick else FULL
    return size if order.epochs is None else replace(size, epochs=order.epochs)


def data_of(order: Order) -> Split:
    """What the nets trained here see: CIFAR of the order's folder, or when quick the UCI digits, enlarged to 32 x 32.

    Raises:
        OptionError: no data were given.
        DataError: there is no CIFAR in the folder.
    """
    if order.quick:
        split = digits()
        parts = (Labelled(np.kron(part.x, np.ones((4, 4), np.float32)), part.y) for part in (split.train, split.val))
        data = Split(*parts)
    elif order.data is None:
        raise OptionError(
            "psb wants --data: a folder with CIFAR-10, as images in a zip or in the official binary files"
        )
    else:
        data = cifar(_cifar_in(order.data))
    if order.limit is not None:
        data = Split(spread_over(data.train, order.limit), data.val)
    return standardized(data)


def spread_over(data: Labelled, count: int) -> Labelled:
    """As many samples as wanted at even distances, so that classes that stand one after the other all come."""
    return _taken(data, np.arange(min(count, len(data))) * len(data) // min(count, len(data)))


@dataclass(frozen=True, eq=False)
class Trained:
    """What is trained here: nets by name, with the epochs each takes.

    Args:
        order: what somebody wants.
        size: how large everything is.
        data: images, standardized.
    """

    order: Order
    size: Size
    data: Split

    def subject(self, name: str, told: Callable[[int], None]) -> Subject:
        """A net of that name as it is judged, trained now unless its weights are in the folder."""
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
        calibration = spread_over(self.data.train, CALIBRATION).x
        return Subject(
            label,
            cache(lambda: load(psb_torch.float_copy(net), example_inputs=example).ir),
            spread_over(self.data.val, self.size.images),
            calibration,
            (lambda: psb_torch.export(net, example, calibrate=calibration)) if samples else None,
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


def foreign(order: Order, size: Size) -> Iterator[Subject]:
    """Networks of other people that are in the order's folder of models; none without both folders.

    Raises:
        DataError: a model is there and its data are not.
    """
    if order.models is None or order.data is None:
        return
    for known in FOREIGN:
        path = order.models / f"{known.name}.onnx"
        if path.exists():
            judged, calibration = _foreign_data(known.data, order.data, size)
            yield Subject(
                known.name, partial(Path, path), Labelled(known.seen(judged.x), judged.y), known.seen(calibration)
            )


def _foreign_data(kind: str, folder: Path, size: Size) -> tuple[Labelled, np.ndarray[Any, Any]]:
    """What is judged, and what the fixed point is calibrated by."""
    if kind == "mnist":
        split = mnist(folder)
        return spread_over(split.val, 2 * size.images), spread_over(split.train, CALIBRATION).x
    lossless = folder / LOSSLESS
    if lossless.exists():
        with np.load(lossless, allow_pickle=False) as arrays:
            x = arrays["images"].transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
            judged = Labelled(x, arrays["labels"].astype(np.int64))
        return judged, judged.x[:64]
    split = cifar(_cifar_in(folder))
    return spread_over(split.val, size.images), spread_over(split.train, CALIBRATION).x


def _at(net: nn.Module, samples: int, example: tuple[torch.Tensor, ...]) -> nn.Module:
    return psb_torch.convert(net, example, samples=samples, most_samples=MOST_SAMPLES, exact=False)


def _taken(data: Labelled, rows: np.ndarray[Any, Any]) -> Labelled:
    return Labelled(data.x[rows], data.y[rows])


def _cifar_in(folder: Path) -> Path:
    """Where CIFAR is: the folder itself, or the one zip in it whose name starts with cifar."""
    zips = sorted(folder.glob("cifar*.zip")) if folder.is_dir() else []
    if len(zips) > 1:
        raise DataError(f"{folder}: several zips are called cifar; give --data a folder with one of them")
    return zips[0] if zips else folder
