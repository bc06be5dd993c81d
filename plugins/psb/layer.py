"""A layer as its operator sees it: weights in few bits, a bias in fixed point, the steps activations are counted in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encoding.fixed_point import LOWEST
from .encoding.packing import Packed

DOUBLE_BITS = 53


@dataclass(frozen=True, eq=False)
class Layer:
    """One operator of a rewritten model.

    Its weights stand in a table whose shape depends on the kind:

    - Conv, ConvTranspose: (group, input, unit), where input counts the taps and, fastest, the channels of the group;
    - MatMul: (input, unit);
    - Scale: (1, unit), one weight for each channel.

    Args:
        name: of the node it replaces.
        kind: Conv, ConvTranspose, MatMul or Scale.
        number: which layer of the model it is; its draws depend on it.
        weights: in the order of their table.
        shape: of that table.
        bias: multiples of 2^-f of the output: (group, 1, unit), (unit,) or, for a Scale, (unit, 1).
        fraction_in: f, bits behind the point, of what comes in.
        fraction_out: of what goes out.
        geometry: kernel_shape, strides, pads and their like, as ONNX has them.
        per_image: draw for each image of a batch anew, not once for the whole batch.
        samples: a number of samples of its own; None: that of the model.
        refined: which weights take the model's `samples` while the others take its `base` (weight,); None: all take
            the same.
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
        """How many samples each weight takes (weight,).

        Args:
            samples: n, unless the layer has its own.
            base: that of the weights that are not refined; None: the same.
        """
        most = self.samples or samples
        if self.refined is None or base is None:
            return np.full(self.weights.level.shape, most)
        return np.where(self.refined, most, base)

    def bits_needed(self, *, most_samples: int) -> int:
        """Bits a sum can take, bias and the half that rounds it included, with every activation at its extreme.

        A sum counts in steps of its unit's smallest 2^e / n; up to 53 bits, float64 adds it exactly in any order. See
        docs/psb.md for the proof, and why weights with fewer samples need no more.
        """
        size = np.abs(self.weights.signed_powers()).reshape(self.shape)
        smallest = np.where(size > 0, size, np.inf).min(axis=-2, initial=np.inf)
        smallest = np.where(np.isinf(smallest), 1.0, smallest)
        step = smallest / most_samples * 2.0**-self.fraction_in
        added = np.abs(self.bias.astype(np.float64)).reshape(*size.shape[:-2], -1) + 0.5
        largest = -LOWEST * 2.0**-self.fraction_in * 2 * size.sum(axis=-2) + added * 2.0**-self.fraction_out
        return int(np.ceil(np.log2(largest / step)).max(initial=0))
