"""The images that the nets of the PSB figures are trained on and judged by."""

import numpy as np

from ...analyzer.errors import OptionError
from ..datasets.cifar import cifar, cifar_in, standardized
from ..datasets.digits import digits
from ..datasets.labelled import Labelled, Split
from .recipe import Order

CALIBRATION = 256
"""Images that the fixed point is chosen by."""


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
        data = cifar(cifar_in(order.data))
    if order.limit is not None:
        data = Split(spread_over(data.train, order.limit), data.val)
    return standardized(data)


def spread_over(data: Labelled, count: int) -> Labelled:
    """As many samples as wanted at even distances, so that classes that stand one after the other all come."""
    rows = np.arange(min(count, len(data))) * len(data) // min(count, len(data))
    return Labelled(data.x[rows], data.y[rows])
