"""A torch layer whose multiplications by weights are random shifts, with straight-through gradients."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ....analyzer.errors import ModelError
from ..encoding.binomial_table import BinomialTable
from ..encoding.counter_rng import random_words
from ..encoding.fixed_point import FRACTION, HIGHEST, LOWEST
from ..encoding.packing import Packed
from ..layer import WeightFormat
from .folding import (
    Affine,
    Norm,
    batch_norm_gain,
    batch_norm_offset,
    broadcast_gain,
    fold_batch_norm,
    from_table,
    layer_kind,
    running_statistics,
    to_table,
)
from .gradients import clipped_straight_through, straight_through


class PsbLayer(nn.Module):
    """A convolution, transposed convolution, linear layer or batch norm in the arithmetic of `reference.apply`.

    In evaluation mode on a CPU, its output equals that of the operator in the ONNX model bit for bit, for the same
    samples, seed and number (GPUs may use convolution algorithms that are not exact). In the backward pass, the map
    from real to drawn weights and both roundings of activations count as the identity (thesis, 4.1; as in the authors'
    program), and the product is differentiated at the drawn weights.

    In training mode, each forward pass uses the next seed, and a batch norm after the layer normalizes by the batch:
    the layer multiplies by w gamma / sqrt(running variance + epsilon), whose sign, exponent and probability are those
    of evaluation mode, divides the result by the gain, and applies the batch norm.

    Args:
        affine: the module with the real weights; None for a batch norm that is not folded.
        norm: the batch norm after it, or the batch norm itself.
        weight_format: how weights are stored and drawn.
        number: index of the layer in the model; part of the key of its random numbers.
        samples: n.
        seed: of the next forward pass; training adds 1 after each.
        clip: zero the gradient of weights whose absolute value is larger (4.2); None keeps all gradients.
        exact: sum in float64, without any rounding; float32 is faster, and occasionally one step off.
    """

    seed: Tensor

    def __init__(
        self,
        affine: Affine | None,
        norm: Norm | None,
        weight_format: WeightFormat,
        *,
        number: int = 0,
        samples: int = 16,
        seed: int = 0,
        clip: float | None = None,
        exact: bool = True,
    ) -> None:
        super().__init__()
        if affine is None and norm is None:
            raise ModelError("expected a layer, a batch norm, or both, got neither; use convert() to build PSB layers")
        self.affine = affine
        self.norm = norm
        self.weight_format = weight_format
        self.number = number
        self.samples = samples
        self.clip = clip
        self.exact = exact
        self.fraction_in = self.fraction_out = FRACTION
        self.register_buffer("seed", torch.tensor(seed))
        self.table.exponent_of(samples)

    @property
    def kind(self) -> str:
        """The kind of the operator, as in `Layer`."""
        return layer_kind(self.affine)

    @property
    def table(self) -> BinomialTable:
        """Binomial random numbers."""
        return self.weight_format.table

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer; inputs as the module accepts them, outputs float32 multiples of 2^-f in 16 bits."""
        x = quantize(x, self.fraction_in)
        if self.affine is None:
            y = self._scale(x)
        elif self.norm is not None and self.training:
            y = self._normalize(x, self.affine, self.norm)
        else:
            w, bias = fold_batch_norm(self.affine, self.norm)
            y = requantize(self._product(x, w, self.affine), self._per_unit(bias, x), self.fraction_out)
        if self.training:
            self.seed += 1
        return y

    def weights(self) -> tuple[Tensor, Tensor]:
        """Real-valued weights and biases (unit,) of evaluation mode, with the normalization folded in."""
        if self.affine is not None:
            return fold_batch_norm(self.affine, self.norm)
        norm = cast("Norm", self.norm)
        mean, variance = running_statistics(norm)
        gain = batch_norm_gain(norm, variance)
        return gain, batch_norm_offset(norm, mean, gain)

    def pack(self, w: Tensor) -> Packed:
        """Quantize weights, in the order of their table."""
        return self.weight_format.pack(to_table(w, self.affine).detach().cpu().numpy())

    def extra_repr(self) -> str:
        """The part of the repr in parentheses."""
        return f"samples={self.samples}, number={self.number}"

    def _draw(self, w: Tensor, images: int) -> list[Tensor]:
        """The drawn weights of each image; a single tensor for all unless each has its own draws."""
        packed, seed = self.pack(w), int(self.seed)
        draws = []
        for image in range(images if self.weight_format.per_image else 1):
            words = random_words(packed.level.size, seed=seed, node=self.number, image=image)
            ones = self.table.draw(packed.level, words, samples=self.samples)
            flat = packed.signed_powers() * (1 + ones / self.samples)
            value = from_table(torch.from_numpy(flat).to(w.device, self._dtype), self.affine).reshape(w.shape)
            if self.clip is None:
                draws.append(straight_through(w, value))
            else:
                draws.append(clipped_straight_through(w, value, limit=self.clip, by="value"))
        return draws

    @property
    def _dtype(self) -> torch.dtype:
        return torch.float64 if self.exact else torch.float32

    def _product(self, x: Tensor, w: Tensor, affine: Affine) -> Tensor:
        """The layer without its bias, at drawn weights."""
        x = x.to(self._dtype)
        outputs = []
        draws = self._draw(w, len(x))
        for drawn, part in zip(draws, x.chunk(len(draws)), strict=True):
            parameters = {"weight": drawn}
            if affine.bias is not None:
                parameters["bias"] = torch.zeros_like(affine.bias, dtype=self._dtype)
            outputs.append(functional_call(affine, parameters, (part,)))
        return torch.cat(outputs) if len(outputs) > 1 else outputs[0]

    def _scale(self, x: Tensor) -> Tensor:
        """A batch norm that is not folded, as one multiplication per channel."""
        norm = cast("Norm", self.norm)
        mean, variance = running_statistics(norm)
        if norm.training:
            axes = [axis for axis in range(x.dim()) if axis != 1]
            variance, mean = torch.var_mean(x, axes, correction=0)
            _update_statistics(norm, mean.detach(), variance.detach(), x.numel() // x.shape[1])
        gain = batch_norm_gain(norm, variance)
        drawn = torch.stack(self._draw(gain, len(x))).reshape(-1, len(gain), *[1] * (x.dim() - 2))
        offset = batch_norm_offset(norm, mean, gain)
        return requantize(x.to(self._dtype) * drawn, offset.reshape(-1, *[1] * (x.dim() - 2)), self.fraction_out)

    def _normalize(self, x: Tensor, affine: Affine, norm: Norm) -> Tensor:
        """The layer and its batch norm in training mode."""
        gain = batch_norm_gain(norm, running_statistics(norm)[1]).detach()
        gain = torch.where(gain == 0, 1, gain)
        w = (affine.weight.double() * broadcast_gain(gain, affine)).float()
        total = self._product(x, w, affine)
        z = (total / self._per_unit(gain, x).to(total.dtype)).float()
        if affine.bias is not None:
            z = z + self._per_unit(affine.bias, x)
        return quantize(cast("Tensor", norm(z)), self.fraction_out)

    def _per_unit(self, numbers: Tensor, x: Tensor) -> Tensor:
        """Reshape one number per unit (unit,) so that it broadcasts against the output for x."""
        return numbers if self.kind == "MatMul" else numbers.reshape(-1, *[1] * (x.dim() - 2))


def quantize(x: Tensor, fraction: int) -> Tensor:
    """Round to multiples of 2^-f in 16 bits, float32, with a straight-through gradient.

    >>> quantize(torch.tensor([0.5001, -40.0]), 10).tolist()
    [0.5, -32.0]
    """
    steps = torch.round(torch.ldexp(x.detach(), torch.tensor(fraction))).clamp(LOWEST, HIGHEST)
    return straight_through(x, torch.ldexp(steps, torch.tensor(-fraction)).float())


def requantize(total: Tensor, bias: Tensor, fraction: int) -> Tensor:
    """Convert sums to activations: round half up, add the quantized bias, saturate to 16 bits; float32.

    Args:
        total: exact sums.
        bias: in the unit of the sums; broadcast against them.
        fraction: f, number of fraction bits of the result.

    >>> requantize(torch.tensor([0.5, 1.5]).double(), torch.tensor(1.0), 0).tolist()
    [2.0, 3.0]
    """
    with torch.no_grad():
        steps = torch.floor(total * 2.0**fraction + 0.5)
        biases = torch.round(bias.double() * 2.0**fraction).clamp(-(2**30), 2**30)
        value = ((steps + biases.to(steps.dtype)).clamp(LOWEST, HIGHEST) * 2.0**-fraction).float()
    return straight_through(total + bias, value)


def _update_statistics(norm: Norm, mean: Tensor, variance: Tensor, count: int) -> None:
    """Update the running statistics of a batch norm as its own forward pass does."""
    old_mean, old_variance = running_statistics(norm)
    batches = cast("Tensor", norm.num_batches_tracked)
    batches += 1
    share = 1 / float(batches) if norm.momentum is None else norm.momentum
    old_mean.lerp_(mean, share)
    old_variance.lerp_(variance * (count / max(count - 1, 1)), share)
