"""What the operators mean: shifts, additions and comparisons of whole numbers, slow and obvious.

The operators of `operators.py` give these results bit for bit; nothing here is used by them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encoding.binomial_table import Table
from .encoding.counter_rng import weight_words
from .encoding.fixed_point import HIGHEST, LOWEST, from_fixed, to_fixed
from .layer import Layer

Place = tuple[int, ...]


@dataclass(frozen=True)
class Geometry:
    """How the kernel of a convolution moves over an image of one size, every attribute filled in.

    Args:
        size: positions of the input, by axis.
        transposed: whether the roles of input and output are exchanged.
        kernel: taps, by axis.
        strides: by axis.
        dilations: by axis.
        begins: padding before the first position, by axis.
        output: positions of the output, by axis.
    """

    size: Place
    transposed: bool
    kernel: Place
    strides: Place
    dilations: Place
    begins: Place
    output: Place

    def places(self) -> Iterator[Place]:
        """Every output position, the last axis fastest."""
        return product(*(range(n) for n in self.output))

    def sources(self, place: Place) -> Iterator[Place | None]:
        """The input position behind each tap; None in the padding and between the inputs of a transposed convolution.

        >>> list(geometry_of({"kernel_shape": [3], "pads": [1, 1]}, (4,)).sources((0,)))
        [None, (0,), (1,)]
        """
        for tap in product(*(range(n) for n in self.kernel)):
            source = [self._source(axis, p, t) for axis, (p, t) in enumerate(zip(place, tap, strict=True))]
            yield None if None in source else tuple(s for s in source if s is not None)

    def _source(self, axis: int, place: int, tap: int) -> int | None:
        stride, step = self.strides[axis], tap * self.dilations[axis]
        if self.transposed:
            source, between = divmod(place + self.begins[axis] - step, stride)
        else:
            source, between = place * stride + step - self.begins[axis], 0
        return source if not between and 0 <= source < self.size[axis] else None


def geometry_of(attributes: Mapping[str, Any], size: Place, *, transposed: bool = False) -> Geometry:
    """Fill in what the attributes of an ONNX Conv or ConvTranspose leave to their definition.

    Where a kernel is shorter than a stride, a transposed convolution with SAME padding would have to add positions; as
    in onnxruntime it does not, and its output is shorter than the definition says.

    >>> geometry_of({"kernel_shape": [3], "strides": [2], "auto_pad": "SAME_UPPER"}, (7,)).output
    (4,)
    """
    axes = len(size)
    kernel = tuple(attributes["kernel_shape"])
    strides = tuple(attributes.get("strides", [1] * axes))
    dilations = tuple(attributes.get("dilations", [1] * axes))
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    where = attributes.get("auto_pad", "NOTSET")
    more = attributes.get("output_padding", [0] * axes)
    reach = [(i - 1) * s + k + m for i, s, k, m in zip(size, strides, spans, more, strict=True)]
    wanted = attributes.get("output_shape")
    if wanted is None and where.startswith("SAME"):
        wanted = [i * s if transposed else -(-i // s) for i, s in zip(size, strides, strict=True)]
    if wanted is None:
        pads = [0] * 2 * axes if where == "VALID" else attributes.get("pads", [0] * 2 * axes)
        begins, both = pads[:axes], [a + b for a, b in zip(pads[:axes], pads[axes:], strict=True)]
    else:
        if transposed:
            least = 0 if where.startswith("SAME") else -max(wanted)
            both = [max(r - o, least) for r, o in zip(reach, wanted, strict=True)]
        else:
            both = [max((o - 1) * s + k - i, 0) for o, s, k, i in zip(wanted, strides, spans, size, strict=True)]
        begins = [total // 2 if where == "SAME_UPPER" else total - total // 2 for total in both]
    if transposed:
        output = [r - p for r, p in zip(reach, both, strict=True)]
    else:
        output = [(i + p - k) // s + 1 for i, p, k, s in zip(size, both, spans, strides, strict=True)]
    return Geometry(tuple(size), transposed, kernel, strides, dilations, tuple(begins), tuple(output))


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
