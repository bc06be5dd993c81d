"""A layer as its operator represents it: packed weights, fixed-point bias and activations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .encoding.binomial_table import BinomialTable, build_table
from .encoding.fixed_point import LOWEST
from .encoding.levels import Levels
from .encoding.packing import Packed, pack

DOUBLE_BITS = 53


@dataclass(frozen=True, eq=False)
class Layer:
    """One operator of a rewritten model.

    The shape of its weight table depends on the kind:

    - Conv, ConvTranspose: (group, input, unit), where input runs over taps and, fastest, channels of the group;
    - MatMul: (input, unit);
    - Scale: (1, unit), one weight per channel.

    Args:
        name: of the node it replaces.
        kind: Conv, ConvTranspose, MatMul or Scale.
        number: index of the operator in the model; part of the key of its random numbers.
        weights: the table, flattened.
        shape: shape of the table.
        bias: in multiples of 2^-f of the output: (group, 1, unit), (unit,) or, for a Scale, (unit, 1).
        fraction_in: f of the input, its number of fraction bits.
        fraction_out: f of the output.
        geometry: attributes of a convolution as in ONNX: kernel_shape, strides, pads and so on.
        per_image: whether each image of a batch has its own draws.
        samples: number of samples of this layer only; None: that of the model.
        refined: with attention by weights, which weights take `samples` of the model, while the others take its `base`
            (weight,); None: all take the same number.
    """

    name: str
    kind: str
    number: int
    weights: Packed
    shape: tuple[int, ...]
    bias: NDArray[np.int32]
    fraction_in: int
    fraction_out: int
    geometry: Mapping[str, Any] = field(default_factory=dict)
    per_image: bool = False
    samples: int | None = None
    refined: NDArray[np.bool_] | None = None

    def samples_of_weights(self, *, samples: int, base: int | None = None) -> NDArray[np.int64]:
        """Number of samples of each weight (weight,).

        Args:
            samples: n, unless the layer has its own number.
            base: number for the weights that are not refined; None: n.
        """
        most = self.samples or samples
        if self.refined is None or base is None:
            return np.full(self.weights.level.shape, most)
        return np.where(self.refined, most, base)

    def bits_needed(self, *, most_samples: int) -> int:
        """Bits that a sum can need, bias and rounding offset included, with every activation at its extreme.

        Sums are multiples of the unit's smallest 2^e / n; up to 53 bits, float64 computes them exactly in any order.
        See docs/psb.md for the proof, and for why weights with fewer samples need no more.
        """
        size = np.abs(self.weights.signed_powers()).reshape(self.shape)
        smallest = np.where(size > 0, size, np.inf).min(axis=-2, initial=np.inf)
        smallest = np.where(np.isinf(smallest), 1.0, smallest)
        step = smallest / most_samples * 2.0**-self.fraction_in
        added = np.abs(self.bias.astype(np.float64)).reshape(*size.shape[:-2], -1) + 0.5
        largest = -LOWEST * 2.0**-self.fraction_in * 2 * size.sum(axis=-2) + added * 2.0**-self.fraction_out
        return int(np.ceil(np.log2(largest / step)).max(initial=0))


@dataclass(frozen=True)
class WeightFormat:
    """How the weights of a model are stored and drawn; the options of `rewrite` and `convert` of the same names.

    Args:
        exponent_bits: bits of an exponent.
        levels: quantization levels of the probability.
        flush_to_zero: whether weights below the smallest exponent become 0.
        exact_dyadics: whether weights with a whole n p are not random.
        per_image: whether each image of a batch has its own draws.
        most_samples: the largest number of samples, a power of two.
    """

    exponent_bits: int
    levels: Levels
    flush_to_zero: bool
    exact_dyadics: bool
    per_image: bool
    most_samples: int

    @property
    def table(self) -> BinomialTable:
        """Binomial random numbers for these levels."""
        return build_table(self.levels, most=self.most_samples, exact_dyadics=self.exact_dyadics)

    def pack(self, w: ArrayLike) -> Packed:
        """Quantize weights."""
        return pack(w, exponent_bits=self.exponent_bits, levels=self.levels, flush_to_zero=self.flush_to_zero)
