"""Smooth random images: low-pass noise, since with white noise nearly every pixel would have a different pattern."""

import math

import numpy as np
from numpy.typing import NDArray

COARSENESS = 8
"""Distance in pixels of the random points between which images are interpolated."""


def smooth(samples: int, shape: tuple[int, ...], *, seed: int) -> NDArray[np.float32]:
    """Generate noise at every eighth pixel, interpolated linearly in between.

    Args:
        samples: number of images.
        shape: shape of an image: (channel, row, column), or (pixel,) for a flattened square image.
        seed: seed of the noise.

    Returns:
        Images (sample, *shape).
    """
    channels, size = (1, math.isqrt(shape[0])) if len(shape) == 1 else (shape[0], shape[1])
    coarse = size // COARSENESS + 2
    points = np.random.default_rng(seed).standard_normal((samples, channels, coarse, coarse), dtype=np.float32)
    places = np.arange(size) / COARSENESS
    weights = np.stack([np.interp(places, np.arange(coarse), row) for row in np.eye(coarse)]).astype(np.float32)
    return (weights.T @ points @ weights).reshape(samples, *shape)
