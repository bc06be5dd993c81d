"""The networks of the PSB figures that other people trained."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...datasets.cifar import cifar, cifar_in
from ...datasets.labelled import Labelled
from ...datasets.mnist import mnist
from ..recipe import RunConfig
from .judging import Subject
from .sizes import CALIBRATION, Size, spread_over

LOSSLESS = "cifar10_test_lossless.npz"


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


def foreign(order: RunConfig, size: Size) -> Iterator[Subject]:
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
    split = cifar(cifar_in(folder))
    return spread_over(split.val, size.images), spread_over(split.train, CALIBRATION).x
