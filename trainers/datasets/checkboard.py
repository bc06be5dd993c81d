"""Checkboard: points of a square in four classes by cell (H appendix A.2)."""

from typing import Literal

import numpy as np

from ...analyzer.errors import OptionError
from .labelled import Labelled, Split

HALF = np.sqrt(3)  # of the side: gives each coordinate unit variance


def checkboard(
    *, train: int = 200 * 250, val: int = 200 * 250, pattern: Literal["cells", "stripes"] = "cells", seed: int = 0
) -> Split:
    """Points x (sample, 2) uniform on [-sqrt 3, sqrt 3]^2, mean 0 and standard deviation 1, in classes 0 to 3.

    (A.11) is printed as c = floor((x + y) / sqrt 3 * 4) mod 4, which depends on x + y alone: sixteen diagonal stripes,
    no checkboard, and with it the thesis' small net stays at chance. `cells` has 4 x 4 cells of class (i + j) mod 4
    with i = floor(2 x / sqrt 3), j likewise: the picture that is described; `stripes` is the formula as printed.

    Args:
        train: samples to train on; the thesis has 200 batches of 250.
        val: samples to judge by.
        pattern: which formula.
        seed: of the points.

    Raises:
        OptionError: another pattern, or no samples.

    >>> np.bincount(checkboard(train=40_000).train.y, minlength=4) // 1000
    array([ 9, 10,  9, 10])
    """
    if pattern not in {"cells", "stripes"} or min(train, val) < 1:
        raise OptionError(
            f"pattern must be cells or stripes and both parts hold samples; got {pattern!r}, {train}, {val}"
        )
    x = np.random.default_rng(seed).uniform(-HALF, HALF, (train + val, 2))
    places = np.floor(2 * x / HALF).sum(1) if pattern == "cells" else np.floor(x.sum(1) / HALF * 4)
    x32, y = x.astype(np.float32), (places % 4).astype(np.int64)
    return Split(Labelled(x32[:train], y[:train]), Labelled(x32[train:], y[train:]))
