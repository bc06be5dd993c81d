"""The networks that schedules are compared on, by name, and the data set of each."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from ....analyzer.errors import OptionError
from ...augmentation import shift_and_mirror
from ...datasets.cifar import find_cifar, load_cifar, standardize
from ...datasets.digits import load_digits
from ...datasets.labelled import Labelled, Split
from ...datasets.mnist import load_mnist
from ...nets.rectangular import f1
from ...nets.residual import convnet, resnet, toynet
from ..recipe import RunConfig
from ..rng import cell_generator


def _dense(shape: tuple[int, ...], *, batch_norm: bool) -> nn.Module:
    return f1(inputs=int(np.prod(shape)), batch_norm=batch_norm)


def _residual(shape: tuple[int, ...], *, kind: Callable[..., nn.Module], depth: int) -> nn.Module:
    return kind(depth, channels=shape[0])


NETS: dict[str, Callable[[tuple[int, ...]], nn.Module]] = {
    "f1": partial(_dense, batch_norm=False),
    "f1-bn": partial(_dense, batch_norm=True),
    "resnet-20": partial(_residual, kind=resnet, depth=20),
    "resnet-32": partial(_residual, kind=resnet, depth=32),
    "convnet-20": partial(_residual, kind=convnet, depth=20),
    "toynet-20": partial(_residual, kind=toynet, depth=20),
}
"""Builders of the networks, from the shape of a sample."""

MNIST_NETS = {"f1", "f1-bn"}


def dataset_of(name: str) -> str:
    """Return the data set that a network is trained on, `mnist` or `cifar`.

    Raises:
        OptionError: no network has this name.

    >>> dataset_of("resnet-20")
    'cifar'
    """
    if name not in NETS:
        raise OptionError(f"net: expected one of {', '.join(NETS)}, got {name!r}")
    return "mnist" if name in MNIST_NETS else "cifar"


def build_net(name: str, data: Split, seed: int) -> nn.Module:
    """Build an untrained network for the samples of a data set; its weights depend on the seed only."""
    with cell_generator(seed, 0, 0) as generator:
        torch.manual_seed(generator.initial_seed())
        net = NETS[name](data.train.x.shape[1:])
    if dataset_of(name) == "cifar":
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net


def make_augmentation(name: str, generator: torch.Generator, *, quick: bool) -> Callable[[Tensor], Tensor] | None:
    """Return the augmentation of a network's training images: shifts and mirroring on CIFAR, unless quick."""
    return partial(shift_and_mirror, generator=generator) if dataset_of(name) == "cifar" and not quick else None


def load_data(config: RunConfig, dataset: str, *, most: int | None = None) -> Split:
    """Load MNIST in [0, 1] or standardized CIFAR; in a quick run the UCI digits, enlarged to 32 x 32 for CIFAR.

    If samples are limited, they are drawn with the seed of the configuration, from both parts at most as many.

    Args:
        config: provides the data folder, the seed and the limit.
        dataset: `mnist` or `cifar`.
        most: default number of training samples; None for all.

    Raises:
        OptionError: no data set was given.
        DataError: the files are missing or cannot be read.
    """
    if config.quick:
        data = load_digits(enlarge=4 if dataset == "cifar" else 1)
    elif config.data is None:
        raise OptionError(
            "--data: expected a folder with MNIST (mnist_train.npz and mnist_test.npz, or the four idx files), for a "
            "ResNet with CIFAR-10 (images in a zip, or the official binary files), got none"
        )
    else:
        data = load_mnist(config.data) if dataset == "mnist" else standardize(load_cifar(find_cifar(config.data)))
    count = config.limit or most or len(data.train)
    return Split(*(_sample(part, count, config.seed) for part in (data.train, data.val)))


def _sample(data: Labelled, count: int, seed: int) -> Labelled:
    """Draw `count` samples without replacement; return all samples in order if there are at most `count`."""
    if count >= len(data):
        return data
    rows = np.random.default_rng(seed).permutation(len(data))[:count]
    return Labelled(data.x[rows], data.y[rows])
