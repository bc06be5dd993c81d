"""What schedules are tried on: the thesis' nets by name, with the data that each is trained on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from ....analyzer.errors import OptionError
from ...datasets.cifar import cifar, cifar_in, standardized
from ...datasets.digits import digits
from ...datasets.labelled import Labelled, Split
from ...datasets.mnist import mnist
from ...nets.f1 import F1
from ...nets.residual import convnet, resnet, toynet
from ..psb.train import Augmented
from ..recipe import RunConfig
from ..rng import cell_generator


@dataclass(frozen=True)
class Net:
    """A network to train.

    Args:
        name: on the command line and in the csv file.
        images: mnist or cifar.
        build: makes it for samples of a shape, drawing its weights from torch's generator.
    """

    name: str
    images: str
    build: Callable[[tuple[int, ...]], nn.Module]

    def first(self, data: Split, seed: int) -> nn.Module:
        """The network before training; what a seed draws does not depend on what else is trained."""
        with cell_generator(seed, 0, 0) as generator:
            torch.manual_seed(generator.initial_seed())
            net = self.build(data.train.x.shape[1:])
        if self.images == "cifar":
            net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return net

    def trained(self, net: nn.Module, generator: torch.Generator, *, quick: bool = False) -> nn.Module:
        """What the loop calls: colour images come shifted and mirrored while training."""
        return Augmented(net, generator) if self.images == "cifar" and not quick else net


def _dense(shape: tuple[int, ...], *, batch_norm: bool) -> nn.Module:
    return F1(inputs=int(np.prod(shape)), batch_norm=batch_norm)


def _residual(shape: tuple[int, ...], *, kind: Callable[..., nn.Module], depth: int) -> nn.Module:
    return kind(depth, channels=shape[0])


NETS = (
    Net("f1", "mnist", partial(_dense, batch_norm=False)),
    Net("f1-bn", "mnist", partial(_dense, batch_norm=True)),
    Net("resnet-20", "cifar", partial(_residual, kind=resnet, depth=20)),
    Net("resnet-32", "cifar", partial(_residual, kind=resnet, depth=32)),
    Net("convnet-20", "cifar", partial(_residual, kind=convnet, depth=20)),
    Net("toynet-20", "cifar", partial(_residual, kind=toynet, depth=20)),
)


def net(name: str) -> Net:
    """The network of that name.

    Raises:
        OptionError: there is none.

    >>> net("resnet-20").images
    'cifar'
    """
    found = next((known for known in NETS if known.name == name), None)
    if found is None:
        raise OptionError(f"net must be one of {', '.join(each.name for each in NETS)}; got {name!r}")
    return found


def data_of(order: RunConfig, images: str, *, most: int | None = None) -> Split:
    """MNIST in [0, 1] or CIFAR standardized, from the order's folder; when quick the UCI digits, for CIFAR enlarged.

    Fewer samples than all are drawn with the order's seed, of those to judge by at most as many.

    Args:
        order: what somebody wants.
        images: mnist or cifar.
        most: samples to train on where the order says nothing; None for all.

    Raises:
        OptionError: no data were given.
        DataError: they are not there.
    """
    if order.quick:
        split = digits()
        grown = np.ones((4, 4) if images == "cifar" else (1, 1), np.float32)
        data = Split(*(Labelled(np.kron(part.x, grown), part.y) for part in (split.train, split.val)))
    elif order.data is None:
        raise OptionError(
            "this recipe wants --data: a folder with MNIST (mnist_train.npz and mnist_test.npz, or the four idx "
            "files), for a ResNet with CIFAR-10, as images in a zip or in the official binary files"
        )
    else:
        data = mnist(order.data) if images == "mnist" else standardized(cifar(cifar_in(order.data)))
    count = order.limit or most or len(data.train)
    return Split(*(_drawn(part, count, order.seed) for part in (data.train, data.val)))


def _drawn(data: Labelled, count: int, seed: int) -> Labelled:
    """So many of the samples, or all in their order."""
    if count >= len(data):
        return data
    rows = np.random.default_rng(seed).permutation(len(data))[:count]
    return Labelled(data.x[rows], data.y[rows])
