"""A torch layer whose multiplications by weights are random shifts, with a straight-through gradient."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ....analyzer.errors import ModelError
from ..encoding.binomial_table import Table, table_of
from ..encoding.counter_rng import weight_words
from ..encoding.fixed_point import FRACTION, HIGHEST, LOWEST
from ..encoding.packing import Packed, pack
from ..rewriting.targets import Format
from .folding import Affine, Norm, along_units, folded, from_table, gain_of, kind_of, offset_of, statistics_of, to_table
from .gradients import clipped_straight_through, straight_through


@dataclass(frozen=True)
class Chance:
    """How the weights of a layer are stored and drawn, all that does not change while it trains.

    Args:
        stored: in how many bits, and whether each image draws for itself.
        exact_dyadics: as `table_of` has it.
        most_samples: the largest number of samples.
    """

    stored: Format
    exact_dyadics: bool
    most_samples: int


def fixed(x: Tensor, fraction: int) -> Tensor:
    """The nearest multiples of 2^-f in 16 bits, float32, with the gradient of x.

    >>> fixed(torch.tensor([0.5001, -40.0]), 10).tolist()
    [0.5, -32.0]
    """
    steps = torch.round(torch.ldexp(x.detach(), torch.tensor(fraction))).clamp(LOWEST, HIGHEST)
    return straight_through(x, torch.ldexp(steps, torch.tensor(-fraction)).float())


def settled(total: Tensor, bias: Tensor, fraction: int) -> Tensor:
    """Sums as activations: halves rounded up, the bias in whole steps added, saturated to 16 bits, float32.

    Args:
        total: exact sums.
        bias: in the unit of the sums; broadcast against them.
        fraction: f, bits behind the point of what is made.

    >>> settled(torch.tensor([0.5, 1.5]).double(), torch.tensor(1.0), 0).tolist()
    [2.0, 3.0]
    """
    with torch.no_grad():
        steps = torch.floor(total * 2.0**fraction + 0.5)
        biases = torch.round(bias.double() * 2.0**fraction).clamp(-(2**30), 2**30)
        value = ((steps + biases.to(steps.dtype)).clamp(LOWEST, HIGHEST) * 2.0**-fraction).float()
    return straight_through(total + bias, value)


class PsbLayer(nn.Module):
    """A convolution, a transposed one, a linear layer or a lone batch norm in the arithmetic of `reference.apply`.

    In evaluation its output equals that of the operator in the ONNX model bit for bit, for the same samples, seed and
    number, on a processor (a graphics processor may convolve by other algorithms, which are not exact). Backward,
    the map from real weights to drawn ones and both roundings of activations count as the identity (thesis, 4.1; so
    did the authors), and the product is differentiated at the drawn weights.

    In training each forward takes the next seed. A batch norm behind the layer is then that of the batch: the layer
    multiplies by w gamma / sqrt(running variance + epsilon), whose sign, exponent and probability are those of the
    weights that evaluation uses, takes the gain out of the result again, and normalizes it by the batch.

    Args:
        affine: the module with the real weights; None for a batch norm that stands alone.
        norm: the batch norm behind it, or the lone one.
        chance: how weights are stored and drawn.
        number: which layer of the model it is; its draws depend on it.
        samples: n.
        seed: of the next forward; training adds 1 after each.
        clip: pass on no gradient of a weight whose absolute value is larger (4.2); None passes on all.
        exact: sum in float64, where no sum is rounded; float32 is some times faster, and now and then a step off.
    """

    seed: Tensor

    def __init__(
        self,
        affine: Affine | None,
        norm: Norm | None,
        chance: Chance,
        *,
        number: int = 0,
        samples: int = 16,
        seed: int = 0,
        clip: float | None = None,
        exact: bool = True,
    ) -> None:
        super().__init__()
        if affine is None and norm is None:
            raise ModelError("a PSB layer is made of a layer, of a batch norm, or of both; got neither")
        self.affine = affine
        self.norm = norm
        self.chance = chance
        self.number = number
        self.samples = samples
        self.clip = clip
        self.exact = exact
        self.fraction_in = self.fraction_out = FRACTION
        self.register_buffer("seed", torch.tensor(seed))
        self.table.power(samples)

    @property
    def kind(self) -> str:
        """What `Layer` calls it."""
        return kind_of(self.affine)

    @property
    def table(self) -> Table:
        """The binomial numbers it draws from."""
        chance = self.chance
        return table_of(chance.stored.levels, most=chance.most_samples, exact_dyadics=chance.exact_dyadics)

    def forward(self, x: Tensor) -> Tensor:
        """Inputs as the module takes them, to multiples of 2^-f in 16 bits, float32."""
        x = fixed(x, self.fraction_in)
        if self.affine is None:
            y = self._scaled(x)
        elif self.norm is not None and self.training:
            y = self._normalized(x, self.affine, self.norm)
        else:
            w, bias = folded(self.affine, self.norm)
            y = settled(self._product(x, w, self.affine), self._by_unit(bias, x), self.fraction_out)
        if self.training:
            self.seed += 1
        return y

    def weights(self) -> tuple[Tensor, Tensor]:
        """Mean weights and biases (unit,) as evaluation uses them, the normalization folded in, before any rounding."""
        if self.affine is not None:
            return folded(self.affine, self.norm)
        norm = cast("Norm", self.norm)
        mean, variance = statistics_of(norm)
        gain = gain_of(norm, variance)
        return gain, offset_of(norm, mean, gain)

    def packed(self, w: Tensor) -> Packed:
        """Weights in few bits, in the order of their table."""
        stored = self.chance.stored
        return pack(
            to_table(w, self.affine).detach().cpu().numpy(),
            exponent_bits=stored.exponent_bits,
            levels=stored.levels,
            flush_to_zero=stored.flush_to_zero,
        )

    def extra_repr(self) -> str:
        """What a print of the module says."""
        return f"samples={self.samples}, number={self.number}"

    def _drawn(self, w: Tensor, images: int) -> list[Tensor]:
        """The weights that each image multiplies by; one for all unless each draws for itself."""
        packed, seed = self.packed(w), int(self.seed)
        made = []
        for image in range(images if self.chance.stored.per_image else 1):
            words = weight_words(packed.level.size, seed=seed, node=self.number, image=image)
            ones = self.table.draw(packed.level, words, samples=self.samples)
            flat = packed.signed_powers() * (1 + ones / self.samples)
            value = from_table(torch.from_numpy(flat).to(w.device, self._dtype), self.affine)
            through = value.reshape(w.shape)
            if self.clip is None:
                made.append(straight_through(w, through))
            else:
                made.append(clipped_straight_through(w, through, limit=self.clip, by="value"))
        return made

    @property
    def _dtype(self) -> torch.dtype:
        return torch.float64 if self.exact else torch.float32

    def _product(self, x: Tensor, w: Tensor, affine: Affine) -> Tensor:
        """The layer without its bias, at drawn weights."""
        x = x.to(self._dtype)
        parts = []
        drawn = self._drawn(w, len(x))
        for one, part in zip(drawn, x.chunk(len(drawn)), strict=True):
            given = {"weight": one}
            if affine.bias is not None:
                given["bias"] = torch.zeros_like(affine.bias, dtype=self._dtype)
            parts.append(functional_call(affine, given, (part,)))
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def _scaled(self, x: Tensor) -> Tensor:
        norm = cast("Norm", self.norm)
        mean, variance = statistics_of(norm)
        if norm.training:
            axes = [axis for axis in range(x.dim()) if axis != 1]
            variance, mean = torch.var_mean(x, axes, correction=0)
            _keep(norm, mean.detach(), variance.detach(), x.numel() // x.shape[1])
        gain = gain_of(norm, variance)
        drawn = torch.stack(self._drawn(gain, len(x))).reshape(-1, len(gain), *[1] * (x.dim() - 2))
        offset = offset_of(norm, mean, gain)
        return settled(x.to(self._dtype) * drawn, offset.reshape(-1, *[1] * (x.dim() - 2)), self.fraction_out)

    def _normalized(self, x: Tensor, affine: Affine, norm: Norm) -> Tensor:
        gain = gain_of(norm, statistics_of(norm)[1]).detach()
        gain = torch.where(gain == 0, 1, gain)
        w = (affine.weight.double() * along_units(gain, affine)).float()
        total = self._product(x, w, affine)
        z = (total / self._by_unit(gain, x).to(total.dtype)).float()
        if affine.bias is not None:
            z = z + self._by_unit(affine.bias, x)
        return fixed(cast("Tensor", norm(z)), self.fraction_out)

    def _by_unit(self, numbers: Tensor, x: Tensor) -> Tensor:
        """One number for each unit (unit,) in the shape that broadcasts against the output for x."""
        return numbers if self.kind == "MatMul" else numbers.reshape(-1, *[1] * (x.dim() - 2))


def _keep(norm: Norm, mean: Tensor, variance: Tensor, count: int) -> None:
    """Let a batch norm's running statistics follow a batch, as it does itself."""
    old_mean, old_variance = statistics_of(norm)
    batches = cast("Tensor", norm.num_batches_tracked)
    batches += 1
    share = 1 / float(batches) if norm.momentum is None else norm.momentum
    old_mean.lerp_(mean, share)
    old_variance.lerp_(variance * (count / max(count - 1, 1)), share)
