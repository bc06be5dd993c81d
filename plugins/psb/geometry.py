"""Which input position each output position of a convolution sees through each tap of its kernel."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

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
