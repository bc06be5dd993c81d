"""A trained network and held-out digits, shipped with the package for `relucid demo`.

`digits.onnx` is a small residual ReLU network, `digits.npz` holds images of the UCI digits that are not in its training
set, and their classes. `python -m relucid.trainers.demo` creates both.

The digits: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998,
https://doi.org/10.24432/C50P49, licence CC BY 4.0; scaled to [0, 1] here.
"""

from importlib.resources import files
from pathlib import Path

__all__ = ["data", "model"]


def __dir__() -> list[str]:
    return __all__


def model() -> Path:
    """The path of the trained network: input `image` (sample, 1, 8, 8) float32, output `logits` (sample, 10).

    >>> model().name
    'digits.onnx'
    """
    return _shipped("digits.onnx")


def data() -> Path:
    """The path of the held-out digits: `image` (sample, 1, 8, 8) float32 in [0, 1] and `labels` (sample,) int64.

    >>> import numpy as np
    >>> with np.load(data()) as held_out:
    ...     sorted(held_out), held_out["image"].shape
    (['image', 'labels'], (580, 1, 8, 8))
    """
    return _shipped("digits.npz")


def _shipped(name: str) -> Path:
    return Path(str(files(__package__).joinpath(name)))
