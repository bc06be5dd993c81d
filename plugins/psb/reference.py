"""Reference implementation of the operators in shifts, additions and comparisons of integers: slow and explicit.

The ONNX functions of `ops` give these results bit for bit; they use nothing of this module.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encoding.binomial_table import BinomialTable
from .encoding.counter_rng import random_words
from .encoding.fixed_point import HIGHEST, LOWEST, from_fixed, to_fixed
from .layer import Layer

Steps = NDArray[np.int64]
Position = tuple[int, ...]


def apply(
    layer: Layer, x: NDArray[np.float32], *, table: BinomialTable, samples: int, seed: int, base: int | None = None
) -> NDArray[np.float32]:
    """Compute the output of a layer.

    Args:
        layer: the operator.
        x: (sample, channel, position ...) for a Conv, ConvTranspose or Scale, (sample, ..., input) for a MatMul.
        table: binomial random numbers.
        samples: n, unless the layer has its own number.
        seed: of the call.
        base: number of samples of the weights that are not refined; None: n.
    """
    n = layer.samples_of_weights(samples=samples, base=base)
    size = len(layer.weights.level)
    images = []
    for image, steps in enumerate(to_fixed(x, fraction=layer.fraction_in).astype(np.int64)):
        words = random_words(size, seed=seed, node=layer.number, image=image if layer.per_image else 0)
        ones = np.zeros(size, dtype=np.int64)
        for each in np.unique(n):
            ones = np.where(n == each, table.draw(layer.weights.level, words, samples=int(each)), ones)
        images.append(_KINDS[layer.kind](layer, steps, ones, n))
    return from_fixed(np.stack(images), fraction=layer.fraction_out)


def shift_add(layer: Layer, x: Steps, ones: Steps, n: Steps) -> Steps:
    """Multiply weights and activations by n shifts: s (sum_i x << (e + B_i)). Thesis, (4.9) before its right shift.

    Shifting left by e - lowest instead of e keeps the bits that (4.9) would lose for negative e: these are guard bits,
    which `requantize` removes. A weight with fewer samples than others has coarser steps; another left shift aligns
    them with those of the largest number of samples.

    Args:
        layer: its weights.
        x: one activation for each weight (weight,).
        ones: how many of the n samples of each weight shift by one more (weight,).
        n: number of samples of each weight (weight,).
    """
    weights = layer.weights
    most = int(n.max())
    shift = np.maximum(weights.exponent - 1, 0)
    total = np.zeros_like(x)
    for i in range(most):
        total += np.where(i < n, x << (shift + (i < ones)), 0)
    total *= most // n
    return np.where(weights.exponent == 0, 0, np.where(weights.negative == 1, -total, total))


def requantize(layer: Layer, total: Steps, n: Steps) -> Steps:
    """Convert sums (unit,) to activations: shift right, round half up, add the bias, saturate to 16 bits.

    (4.9) shifts right by log2 n, which rounds down; adding half a step first rounds to nearest. Computed in Python
    integers of any size, since a sum may have to be shifted left.
    """
    right = int(n.max()).bit_length() - 1 + layer.fraction_in - layer.fraction_out - layer.weights.lowest
    wide = np.array(total.tolist(), dtype=object)
    shifted = (wide + (1 << (right - 1))) >> right if right > 0 else wide << -right
    return np.array([min(max(int(m) + int(b), LOWEST), HIGHEST) for m, b in zip(shifted, layer.bias.flat, strict=True)])


def _matmul(layer: Layer, x: Steps, ones: Steps, n: Steps) -> Steps:
    inputs, units = layer.shape
    rows = []
    for row in x.reshape(-1, inputs):
        products = shift_add(layer, np.repeat(row, units), ones, n)
        rows.append(requantize(layer, products.reshape(inputs, units).sum(axis=0), n))
    return np.stack(rows).reshape(*x.shape[:-1], units)


def _scale(layer: Layer, x: Steps, ones: Steps, n: Steps) -> Steps:
    positions = [requantize(layer, shift_add(layer, column, ones, n), n) for column in x.reshape(len(x), -1).T]
    return np.stack(positions, axis=1).reshape(x.shape)


def _convolution(layer: Layer, x: Steps, ones: Steps, n: Steps) -> Steps:
    groups, inputs, units = layer.shape
    output, windows = conv_windows(layer.geometry, x.shape[1:], transposed=layer.kind == "ConvTranspose")
    channels = x.reshape(groups, -1, *x.shape[1:])
    columns = []
    for window in windows:
        values = [0 if source is None else c[source] for group in channels for source in window for c in group]
        products = shift_add(layer, np.repeat(values, units), ones, n).reshape(groups, inputs, units)
        columns.append(requantize(layer, products.sum(axis=1).reshape(-1), n))
    return np.stack(columns, axis=1).reshape(groups * units, *output)


_KINDS = {"MatMul": _matmul, "Scale": _scale, "Conv": _convolution, "ConvTranspose": _convolution}


def conv_windows(
    attributes: Mapping[str, Any], size: Position, *, transposed: bool = False
) -> tuple[Position, list[list[Position | None]]]:
    """The input positions that each output of a convolution reads.

    Args:
        attributes: of an ONNX Conv or ConvTranspose, kernel_shape included.
        size: number of positions of the input, by axis.
        transposed: whether it is a ConvTranspose.

    Returns:
        The number of positions of the output, by axis, and for each output position, the last axis fastest, the input
        position of each tap; None in the padding and between the inputs of a transposed convolution.

    >>> conv_windows({"kernel_shape": [3], "pads": [1, 1]}, (2,))
    ((2,), [[None, (0,), (1,)], [(0,), (1,), None]])
    """
    begins, output = _begins_and_output(attributes, size, transposed=transposed)
    axes = range(len(size))
    strides = attributes.get("strides", [1] * len(size))
    dilations = attributes.get("dilations", [1] * len(size))

    def source(axis: int, position: int, tap: int) -> int | None:
        stride, step = strides[axis], tap * dilations[axis]
        if transposed:
            index, between = divmod(position + begins[axis] - step, stride)
        else:
            index, between = position * stride + step - begins[axis], 0
        return index if not between and 0 <= index < size[axis] else None

    windows = []
    for position in product(*map(range, output)):
        taps = product(*map(range, attributes["kernel_shape"]))
        sources = [[source(axis, position[axis], tap[axis]) for axis in axes] for tap in taps]
        windows.append([None if None in each else tuple(i for i in each if i is not None) for each in sources])
    return output, windows


def _begins_and_output(
    attributes: Mapping[str, Any], size: Position, *, transposed: bool
) -> tuple[tuple[int, ...], Position]:
    """Padding before the first position and number of output positions, by axis, with the defaults of ONNX.

    Where a kernel is shorter than a stride, a transposed convolution with SAME padding would have to add positions; as
    in onnxruntime, none are added, and the output is shorter than the ONNX definition says.

    >>> _begins_and_output({"kernel_shape": [3], "strides": [2], "auto_pad": "SAME_UPPER"}, (7,), transposed=False)
    ((1,), (4,))
    """
    axes = len(size)
    strides = attributes.get("strides", [1] * axes)
    dilations = attributes.get("dilations", [1] * axes)
    spans = [(k - 1) * d + 1 for k, d in zip(attributes["kernel_shape"], dilations, strict=True)]
    auto_pad = attributes.get("auto_pad", "NOTSET")
    more = attributes.get("output_padding", [0] * axes)
    reach = [(i - 1) * s + k + m for i, s, k, m in zip(size, strides, spans, more, strict=True)]
    target = attributes.get("output_shape")
    if target is None and auto_pad.startswith("SAME"):
        target = [i * s if transposed else -(-i // s) for i, s in zip(size, strides, strict=True)]
    if target is None:
        pads = [0] * 2 * axes if auto_pad == "VALID" else attributes.get("pads", [0] * 2 * axes)
        begins, both = pads[:axes], [a + b for a, b in zip(pads[:axes], pads[axes:], strict=True)]
    else:
        if transposed:
            least = 0 if auto_pad.startswith("SAME") else -max(target)
            both = [max(r - o, least) for r, o in zip(reach, target, strict=True)]
        else:
            both = [max((o - 1) * s + k - i, 0) for o, s, k, i in zip(target, strides, spans, size, strict=True)]
        begins = [total // 2 if auto_pad == "SAME_UPPER" else total - total // 2 for total in both]
    if transposed:
        output = [r - p for r, p in zip(reach, both, strict=True)]
    else:
        output = [(i + p - k) // s + 1 for i, p, k, s in zip(size, both, spans, strides, strict=True)]
    return tuple(begins), tuple(output)
