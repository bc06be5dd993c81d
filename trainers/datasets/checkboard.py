"""Checkboard: uniform points of a square, in four classes by the cell they fall into (H appendix A.2)."""

from typing import Literal

import numpy as np

from ...analyzer.errors import OptionError
from .labelled import Labelled, Split

HALF = np.sqrt(3)  # half the side; gives each coordinate unit variance


def make_checkboard(
    *, train: int = 200 * 250, val: int = 200 * 250, pattern: Literal["cells", "stripes"] = "cells", seed: int = 0
) -> Split:
    """Generate points x (sample, 2), uniform on [-sqrt 3, sqrt 3]^2 (mean 0, standard deviation 1), in classes 0 to 3.

    (A.11) is printed as c = floor((x + y) / sqrt 3 * 4) mod 4, which depends on x + y alone: sixteen diagonal stripes
    instead of a checkboard, on which the thesis' small net stays at chance. `cells` has 4 x 4 cells of class
    (i + j) mod 4 with i = floor(2 x / sqrt 3), j likewise, as in the thesis' picture; `stripes` is the printed formula.

    Args:
        train: number of training samples; the thesis has 200 batches of 250.
        val: number of validation samples.
        pattern: `cells` or `stripes`.
        seed: seed of the points.

    Raises:
        OptionError: the pattern is unknown, or a set would be empty.

    >>> np.bincount(make_checkboard(train=40_000).train.y, minlength=4) // 1000
    array([ 9, 10,  9, 10])
    """
    if pattern not in {"cells", "stripes"} or min(train, val) < 1:
        raise OptionError(
            f"expected pattern cells or stripes, and train and val of at least 1, got {pattern!r}, {train} and {val}"
        )
    x = np.random.default_rng(seed).uniform(-HALF, HALF, (train + val, 2))
    cells = np.floor(2 * x / HALF).sum(1) if pattern == "cells" else np.floor(x.sum(1) / HALF * 4)
    x32, y = x.astype(np.float32), (cells % 4).astype(np.int64)
    return Split(Labelled(x32[:train], y[:train]), Labelled(x32[train:], y[train:]))
