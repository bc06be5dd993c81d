"""What the operators mean: shifts, additions and comparisons of whole numbers, slow and obvious.

The operators of `operators.py` give these results bit for bit; nothing here is used by them.
"""

import numpy as np
from numpy.typing import NDArray

from .draws import Table
from .fixed_point import HIGHEST, LOWEST, from_fixed, to_fixed
from .geometry import geometry_of
from .layer import Layer
from .words import weight_words

Steps = NDArray[np.int64]


def apply(
    layer: Layer, x: NDArray[np.float32], *, table: Table, samples: int, seed: int, base: int | None = None
) -> NDArray[np.float32]:
    """The output of a layer, from its input.

    Args:
        layer: what to compute.
        x: (sample, channel, position ...) for a Conv, ConvTranspose or Scale, (sample, ..., input) for a MatMul.
        table: of the binomial numbers.
        samples: n, unless the layer has its own.
        seed: of the call.
        base: samples of the weights that are not refined; None: n as well.
    """
    n = layer.samples_of_weights(samples=samples, base=base)
    size = len(layer.weights.level)
    images = []
    for image, steps in enumerate(to_fixed(x, fraction=layer.fraction_in).astype(np.int64)):
        words = weight_words(size, seed=seed, node=layer.number, image=image if layer.per_image else 0)
        ones = np.zeros(size, dtype=np.int64)
        for each in np.unique(n):
            ones = np.where(n == each, table.draw(layer.weights.level, words, samples=int(each)), ones)
        images.append(_KINDS[layer.kind](layer, steps, ones, n))
    return from_fixed(np.stack(images), fraction=layer.fraction_out)


def shift_add(layer: Layer, x: Steps, ones: Steps, n: Steps) -> Steps:
    """Weights times activations, as n shifts each: s (sum_i x << (e + B_i)). Thesis, (4.9) before its right shift.

    A left shift by e - lowest instead of e keeps what (4.9) would lose at the lower end of a negative e: these are the
    guard bits, and `settle` takes them back. A weight with fewer samples than others has coarser steps; a further left
    shift takes them to those of the most samples there are.

    Args:
        layer: whose weights.
        x: activations, one for each weight (weight,).
        ones: how many of the n samples of each weight shift by one more (weight,).
        n: samples of each weight (weight,).
    """
    weights = layer.weights
    most = int(n.max())
    shift = np.maximum(weights.exponent - 1, 0)
    total = np.zeros_like(x)
    for i in range(most):
        total += np.where(i < n, x << (shift + (i < ones)), 0)
    total *= most // n
    return np.where(weights.exponent == 0, 0, np.where(weights.negative == 1, -total, total))


def settle(layer: Layer, total: Steps, n: Steps) -> Steps:
    """The sums of all units (unit,) as activations: shifted right, halves rounded up, bias added, saturated to 16 bits.

    (4.9) shifts right by log2 n alone and thereby rounds down; half a step added before makes that to the nearest.
    Whole numbers of any size, since a sum may have to move left.
    """
    right = int(n.max()).bit_length() - 1 + layer.fraction_in - layer.fraction_out - layer.weights.lowest
    wide = np.array(total.tolist(), dtype=object)
    moved = (wide + (1 << (right - 1))) >> right if right > 0 else wide << -right
    return np.array([min(max(int(m) + int(b), LOWEST), HIGHEST) for m, b in zip(moved, layer.bias.flat, strict=True)])


def _matmul(layer: Layer, x: Steps, ones: Steps, n: Steps) -> Steps:
    inputs, units = layer.shape
    rows = []
    for row in x.reshape(-1, inputs):
        products = shift_add(layer, np.repeat(row, units), ones, n)
        rows.append(settle(layer, products.reshape(inputs, units).sum(axis=0), n))
    return np.stack(rows).reshape(*x.shape[:-1], units)


def _scale(layer: Layer, x: Steps, ones: Steps, n: Steps) -> Steps:
    positions = [settle(layer, shift_add(layer, column, ones, n), n) for column in x.reshape(len(x), -1).T]
    return np.stack(positions, axis=1).reshape(x.shape)


def _convolution(layer: Layer, x: Steps, ones: Steps, n: Steps) -> Steps:
    groups, inputs, units = layer.shape
    geometry = geometry_of(layer.geometry, x.shape[1:], transposed=layer.kind == "ConvTranspose")
    channels = x.reshape(groups, -1, *x.shape[1:])
    columns = []
    for place in geometry.places():
        sources = list(geometry.sources(place))
        seen = [0 if source is None else c[source] for group in channels for source in sources for c in group]
        products = shift_add(layer, np.repeat(seen, units), ones, n).reshape(groups, inputs, units)
        columns.append(settle(layer, products.sum(axis=1).reshape(-1), n))
    return np.stack(columns, axis=1).reshape(groups * units, *geometry.output)


_KINDS = {"MatMul": _matmul, "Scale": _scale, "Conv": _convolution, "ConvTranspose": _convolution}
