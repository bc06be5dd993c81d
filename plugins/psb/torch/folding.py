"""A batch norm as a gain and an offset, in the arithmetic of the pass that folds it in an ONNX model."""

import numpy as np
import torch
from torch import Tensor, nn

from ....analyzer.errors import ModelError

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
Affine = Convolution | Transposed | nn.Linear
Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


def kind_of(affine: Affine | None) -> str:
    """What `Layer` calls it; no affine map is a batch norm that stands alone.

    >>> kind_of(nn.Linear(1, 1)), kind_of(None)
    ('MatMul', 'Scale')
    """
    if affine is None:
        return "Scale"
    if isinstance(affine, nn.Linear):
        return "MatMul"
    return "ConvTranspose" if isinstance(affine, Transposed) else "Conv"


def to_table(w: Tensor, affine: Affine | None) -> Tensor:
    """Weights as `Layer` has them: (group, tap and input, unit), (input, unit), or (1, unit) for a scale.

    >>> import torch
    >>> conv = nn.Conv2d(4, 6, 3, groups=2)
    >>> to_table(conv.weight, conv).shape
    torch.Size([2, 18, 3])
    """
    if affine is None:
        return w[None]
    if isinstance(affine, nn.Linear):
        return w.T
    by_group = w.reshape(affine.groups, -1, w.shape[1], w[0, 0].numel())
    if isinstance(affine, Transposed):
        return by_group.permute(0, 3, 1, 2).flatten(1, 2)
    return by_group.permute(0, 3, 2, 1).flatten(1, 2)


def from_table(table: Tensor, affine: Affine | None) -> Tensor:
    """The weights as torch has them again, from a table of that shape or from its numbers in one row.

    >>> import torch
    >>> conv = nn.ConvTranspose1d(4, 6, 3, groups=2)
    >>> torch.equal(from_table(to_table(conv.weight, conv), conv), conv.weight)
    True
    """
    if affine is None:
        return table.reshape(-1)
    if isinstance(affine, nn.Linear):
        return table.reshape(affine.in_features, affine.out_features).T
    shape = affine.weight.shape
    taps = affine.weight[0, 0].numel()
    if isinstance(affine, Transposed):
        by_tap = table.reshape(affine.groups, taps, -1, shape[1])
        return by_tap.permute(0, 2, 3, 1).reshape(shape)
    by_tap = table.reshape(affine.groups, taps, shape[1], -1)
    return by_tap.permute(0, 3, 2, 1).reshape(shape)


def gain_of(norm: Norm, variance: Tensor) -> Tensor:
    """Gains gamma / sqrt(var + epsilon) of each unit (unit,), float64; epsilon as a model file has it, in 32 bits."""
    gamma = torch.ones_like(variance) if norm.weight is None else norm.weight
    return gamma.double() / torch.sqrt(variance.double() + float(np.float32(norm.eps)))


def offset_of(norm: Norm, mean: Tensor, gain: Tensor) -> Tensor:
    """Offsets beta - mean gain of each unit (unit,), float64."""
    beta = torch.zeros_like(mean) if norm.bias is None else norm.bias
    return beta.double() - mean.double() * gain


def folded(affine: Affine, norm: Norm | None) -> tuple[Tensor, Tensor]:
    """Weights and bias (unit,) of the map that a layer and its normalization are together, both float32.

    w' = w gain, b' = b gain + offset, computed in float64 and rounded once, as `FoldBatchNormPass` does. Thesis, 4.2.3.

    >>> w, b = folded(nn.Linear(2, 3), None)
    >>> w.shape, b.shape
    (torch.Size([3, 2]), torch.Size([3]))
    """
    bias = torch.zeros(units_of(affine), device=affine.weight.device) if affine.bias is None else affine.bias
    if norm is None:
        return affine.weight, bias
    mean, variance = statistics_of(norm)
    gain = gain_of(norm, variance)
    gained = affine.weight.double() * along_units(gain, affine)
    return gained.float(), (bias.double() * gain + offset_of(norm, mean, gain)).float()


def statistics_of(norm: Norm) -> tuple[Tensor, Tensor]:
    """The running mean and variance of a batch norm.

    Raises:
        ModelError: it has none.
    """
    if norm.running_mean is None or norm.running_var is None:
        raise ModelError("a batch norm without running statistics cannot be folded; let it track them")
    return norm.running_mean, norm.running_var


def along_units(gain: Tensor, affine: Affine) -> Tensor:
    """One number for each unit (unit,) in a shape that multiplies the weights of a torch module."""
    if isinstance(affine, Transposed):
        by_group = gain.reshape(affine.groups, -1).repeat_interleave(affine.in_channels // affine.groups, dim=0)
        return by_group.reshape(*by_group.shape, *[1] * (affine.weight.dim() - 2))
    return gain.reshape(-1, *[1] * (affine.weight.dim() - 1))


def units_of(affine: Affine) -> int:
    """How many units a layer has."""
    return affine.out_features if isinstance(affine, nn.Linear) else affine.out_channels
