"""How large the nets and data of the PSB figures are, in full and when quick."""

from dataclasses import dataclass, replace

import numpy as np

from ....analyzer.errors import OptionError
from ...datasets.cifar import cifar, cifar_in, standardized
from ...datasets.digits import digits
from ...datasets.labelled import Labelled, Split
from ..recipe import RunConfig

RESNET, BEFORE, AFTER, SMALL = "resnet", "bn-before-addition", "bn-after-addition", "small"


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


def size_of(order: RunConfig) -> Size:
    """The sizes that an order asks for."""
    size = QUICK if order.quick else FULL
    return size if order.epochs is None else replace(size, epochs=order.epochs)


CALIBRATION = 256
"""Images that the fixed point is chosen by."""


def data_of(order: RunConfig) -> Split:
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
        data = cifar(cifar_in(order.data))
    if order.limit is not None:
        data = Split(spread_over(data.train, order.limit), data.val)
    return standardized(data)


def spread_over(data: Labelled, count: int) -> Labelled:
    """As many samples as wanted at even distances, so that classes that stand one after the other all come."""
    rows = np.arange(min(count, len(data))) * len(data) // min(count, len(data))
    return Labelled(data.x[rows], data.y[rows])
