"""From a target to a layer: its weights in few bits, its bias in whole steps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .layer import Layer
from .levels import Levels
from .packing import pack
from .targets import Array, Target

_MOST_STEPS = 2**30


@dataclass(frozen=True)
class Format:
    """How weights are stored and drawn; the options of `rewrite` of the same names.

    Args:
        exponent_bits: k of each weight.
        levels: the probabilities.
        flush_to_zero: what becomes of weights below the smallest exponent.
        per_image: whether to draw for each image of a batch anew.
    """

    exponent_bits: int
    levels: Levels
    flush_to_zero: bool
    per_image: bool


def binarize(
    target: Target, stored: Format, *, number: int, fraction_in: int, fraction_out: int, samples: int | None = None
) -> Layer:
    """The layer that stands for a target.

    Args:
        target: its weights and its bias.
        stored: in which form.
        number: which layer of the model it becomes.
        fraction_in: bits behind the point of what it reads.
        fraction_out: bits behind the point of what it makes.
        samples: a number of samples of its own; None: that of the model.
    """
    return Layer(
        name=target.name,
        kind=target.kind,
        number=number,
        weights=pack(
            target.weights,
            exponent_bits=stored.exponent_bits,
            levels=stored.levels,
            flush_to_zero=stored.flush_to_zero,
        ),
        shape=target.weights.shape,
        bias=bias_steps(target.bias, fraction=fraction_out),
        fraction_in=fraction_in,
        fraction_out=fraction_out,
        geometry=target.geometry,
        per_image=stored.per_image,
        samples=samples,
    )


def bias_steps(bias: Array, *, fraction: int) -> NDArray[np.int32]:
    """A bias in the nearest whole steps of 2^-f, wider than an activation; beyond 2^30 steps it saturates any sum.

    >>> bias_steps(np.array([0.5, -100.0]), fraction=10).tolist()
    [512, -102400]
    """
    return np.clip(np.rint(np.ldexp(bias, fraction)), -_MOST_STEPS, _MOST_STEPS).astype(np.int32)
