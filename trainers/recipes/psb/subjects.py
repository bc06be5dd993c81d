"""The networks that the PSB figures evaluate: those trained here, and third-party models from files."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ....analyzer.model.loading import load
from ....plugins.psb import torch as psb_torch
from ...datasets.cifar import find_cifar, load_cifar
from ...datasets.labelled import Labelled, Split
from ...datasets.mnist import load_mnist
from ...nets.residual import ResidualNet
from ..recipe import RunConfig
from .nets import AfterAddition, small_net
from .plans import MOST_SAMPLES, Array, Subject
from .sizes import AFTER, CALIBRATION, RESNET, SMALL, Size, take_evenly
from .training import train_once

LOSSLESS = "cifar10_test_lossless.npz"


def train_subject(config: RunConfig, size: Size, data: Split, name: str, advance: Callable[[int], None]) -> Subject:
    """Return a net trained here; it is trained now unless its weights are in the output folder.

    The PSB model of a net that was trained at few samples is that of its float copy, as `psb_torch.export` makes it.

    Args:
        config: provides the output folder and the seed.
        size: sizes of the net, of its training and of the evaluation.
        data: standardized images.
        name: name of the net, a key of `size.epochs_by_net`.
        advance: called with 1 after each epoch.
    """
    epochs = size.epochs_by_net[name]
    samples = int(name.removeprefix(f"{SMALL}-")) if name.startswith(SMALL) else 0
    label = f"{name}-e{epochs}-n{len(data.train)}-s{config.seed}"
    example = (torch.from_numpy(data.val.x[:2]),)
    net = train_once(
        lambda: _build(name, size, data.train.x.shape[1]),
        data,
        config.out / "weights" / f"{label}.pt",
        epochs=epochs,
        seed=config.seed,
        advance=advance,
        prepare=lambda net: _convert(net, samples, example) if samples else net,
        augmented=size.augmented,
    )
    return Subject(
        label,
        cache(lambda: load(psb_torch.float_copy(net), example_inputs=example).ir),
        take_evenly(data.val, size.images),
        take_evenly(data.train, CALIBRATION).x,
    )


def _build(name: str, size: Size, channels: int) -> nn.Module:
    if name.startswith(SMALL):
        return small_net(width=size.small, channels=channels)
    if name == AFTER:
        return AfterAddition(size.depth, widths=size.narrow, channels=channels)
    return ResidualNet(size.depth, widths=size.widths if name == RESNET else size.narrow, channels=channels)


def _convert(net: nn.Module, samples: int, example: tuple[torch.Tensor, ...]) -> nn.Module:
    return psb_torch.convert(net, example, samples=samples, most_samples=MOST_SAMPLES, exact=False)


def _channels_last(x: Array) -> Array:
    return np.ascontiguousarray(x.astype(np.float32).transpose(0, 2, 3, 1))


THIRD_PARTY: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "mnist_cntk8": ("mnist", lambda x: (x * 255.0).astype(np.float32)),
    "marabou_cnn_max_mninst2": ("mnist", _channels_last),
    "winml_cifar_imageclassifier": ("cifar", lambda x: (x * 2.0 - 1.0).astype(np.float32)),
}
"""Third-party models by file name: the data set, and the preprocessing of images (sample, channel, row, column)."""


def third_party_files(config: RunConfig) -> dict[str, Path]:
    """Return the third-party models that are in the folder of models, by name."""
    if config.models is None:
        return {}
    files = {name: config.models / f"{name}.onnx" for name in THIRD_PARTY}
    return {name: path for name, path in files.items() if path.exists()}


def load_third_party(config: RunConfig, size: Size) -> Iterator[Subject]:
    """Yield the third-party models of the configuration.

    Raises:
        DataError: the data of a model are missing.
    """
    if config.data is None:
        return
    for name, path in third_party_files(config).items():
        dataset, preprocess = THIRD_PARTY[name]
        images, calibration = _load_images(dataset, config.data, size)
        yield Subject(name, partial(Path, path), Labelled(preprocess(images.x), images.y), preprocess(calibration))


def _load_images(dataset: str, folder: Path, size: Size) -> tuple[Labelled, np.ndarray[Any, Any]]:
    """Return the images to evaluate, and those to calibrate the fixed point on."""
    if dataset == "mnist":
        split = load_mnist(folder)
        return take_evenly(split.val, 2 * size.images), take_evenly(split.train, CALIBRATION).x
    lossless = folder / LOSSLESS
    if lossless.exists():
        with np.load(lossless, allow_pickle=False) as arrays:
            x = arrays["images"].transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
            images = Labelled(x, arrays["labels"].astype(np.int64))
        return images, images.x[:64]
    split = load_cifar(find_cifar(folder))
    return take_evenly(split.val, size.images), take_evenly(split.train, CALIBRATION).x
