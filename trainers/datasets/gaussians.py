"""Five Gaussian clusters in the plane, centred on a circle (H Fig A.3)."""

import numpy as np

from ...analyzer.errors import OptionError
from .labelled import Labelled, Split

CENTRES = 5


def make_gaussians(*, train: int = 1000, val: int = 1000, spread: float = 0.2, seed: int = 0) -> Split:
    """Generate points x (sample, 2) in five classes whose sizes differ by at most one.

    The thesis shows the picture but gives no numbers: the unit circle and the spread are our choice.

    Args:
        train: number of training samples.
        val: number of validation samples.
        spread: standard deviation of each cluster in both directions.
        seed: seed of the points.

    Raises:
        OptionError: a set would be empty, or the spread is negative.

    >>> np.bincount(make_gaussians().train.y).tolist()
    [200, 200, 200, 200, 200]
    """
    if min(train, val) < 1 or spread < 0:
        raise OptionError(
            f"expected train and val of at least 1 and spread of at least 0, got {train}, {val} and {spread}"
        )
    generator = np.random.default_rng(seed)
    angles = 2 * np.pi * np.arange(CENTRES) / CENTRES
    centres = np.stack([np.cos(angles), np.sin(angles)], 1)

    def draw(count: int) -> Labelled:
        y = generator.permutation(np.arange(count) % CENTRES)
        x = centres[y] + generator.normal(0, spread, (count, 2))
        return Labelled(x.astype(np.float32), y.astype(np.int64))

    return Split(draw(train), draw(val))
