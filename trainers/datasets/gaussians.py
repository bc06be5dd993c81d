"""Five Gaussians: points of the plane around five centres on a circle (H Fig A.3)."""

import numpy as np

from ...analyzer.errors import OptionError
from .labelled import Labelled, Split

CENTRES = 5


def gaussians(*, train: int = 1000, val: int = 1000, spread: float = 0.2, seed: int = 0) -> Split:
    """Points x (sample, 2) in five classes of equal size, to within one.

    The thesis shows the picture and gives no numbers: centres on the unit circle and their spread are ours.

    Args:
        train: samples to train on.
        val: samples to judge by.
        spread: standard deviation of each cluster in both directions.
        seed: of the points.

    Raises:
        OptionError: no samples, or a negative spread.

    >>> np.bincount(gaussians().train.y).tolist()
    [200, 200, 200, 200, 200]
    """
    if min(train, val) < 1 or spread < 0:
        raise OptionError(f"both parts must hold samples and the spread be at least 0; got {train}, {val}, {spread}")
    generator = np.random.default_rng(seed)
    angles = 2 * np.pi * np.arange(CENTRES) / CENTRES
    centres = np.stack([np.cos(angles), np.sin(angles)], 1)

    def drawn(count: int) -> Labelled:
        y = generator.permutation(np.arange(count) % CENTRES)
        x = centres[y] + generator.normal(0, spread, (count, 2))
        return Labelled(x.astype(np.float32), y.astype(np.int64))

    return Split(drawn(train), drawn(val))
