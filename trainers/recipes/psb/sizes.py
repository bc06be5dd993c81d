"""Sizes of the nets and data of the PSB figures, in full and in quick runs."""

from dataclasses import dataclass, replace

import numpy as np

from ....analyzer.errors import OptionError
from ...datasets.cifar import find_cifar, load_cifar, standardize
from ...datasets.digits import load_digits
from ...datasets.labelled import Labelled, Split
from ..recipe import RunConfig

RESNET, BEFORE, AFTER, SMALL = "resnet", "bn-before-addition", "bn-after-addition", "small"

CALIBRATION = 256
"""Number of images that the fixed point is calibrated on."""


@dataclass(frozen=True)
class Size:
    """Sizes of the nets, of their training and of the evaluation.

    Args:
        depth: depth of the residual nets.
        widths: channels of the residual net of most figures.
        narrow: channels of the two residual nets that show the effect of batch norms after additions.
        small: channels of the net of eight convolutions.
        epochs: epochs of the residual net; the others train for a third of them.
        trained_at: numbers of samples that the small net is trained at; 0 is float.
        images: number of evaluated images; twice as many of MNIST, half as many for the costs of attention.
        augmented: whether training images are shifted and mirrored.
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
        """Epochs by name of the net; small nets are named after the number of samples they are trained at."""
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


def size_of(config: RunConfig) -> Size:
    """Return the sizes for a configuration."""
    size = QUICK if config.quick else FULL
    return size if config.epochs is None else replace(size, epochs=config.epochs)


def load_data(config: RunConfig) -> Split:
    """Load the data of the nets trained here: standardized CIFAR, or the UCI digits enlarged to 32 x 32 if quick.

    Raises:
        OptionError: no data set was given.
        DataError: there is no CIFAR in the folder.
    """
    if config.quick:
        data = load_digits(enlarge=4)
    elif config.data is None:
        raise OptionError(
            "--data: expected a folder with CIFAR-10 (images in a zip, or the official binary files), "
            "got none; pass the folder"
        )
    else:
        data = load_cifar(find_cifar(config.data))
    if config.limit is not None:
        data = Split(take_evenly(data.train, config.limit), data.val)
    return standardize(data)


def take_evenly(data: Labelled, count: int) -> Labelled:
    """Take at most `count` evenly spaced samples, so that all classes occur even if the samples are sorted by class."""
    rows = np.arange(min(count, len(data))) * len(data) // min(count, len(data))
    return Labelled(data.x[rows], data.y[rows])
