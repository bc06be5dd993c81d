"""Smooth random images: low-pass noise, since white noise would give every pixel a pattern of its own."""

import math

import numpy as np
from numpy.typing import NDArray

COARSENESS = 8
"""Pixels between two of the random points that are interpolated."""


def smooth(samples: int, shape: tuple[int, ...], *, seed: int) -> NDArray[np.float32]:
    """Noise at every eighth pixel, interpolated linearly in between.

    Args:
        samples: how many images.
        shape: of one: (channel, row, column), or (pixel,) for the pixels of a flattened square image.
        seed: what the noise is drawn with.

    Returns:
        Images (sample, *shape).
    """
    channels, size = (1, math.isqrt(shape[0])) if len(shape) == 1 else (shape[0], shape[1])
    coarse = size // COARSENESS + 2
    points = np.random.default_rng(seed).standard_normal((samples, channels, coarse, coarse), dtype=np.float32)
    places = np.arange(size) / COARSENESS
    weights = np.stack([np.interp(places, np.arange(coarse), row) for row in np.eye(coarse)]).astype(np.float32)
    return (weights.T @ points @ weights).reshape(samples, *shape)
