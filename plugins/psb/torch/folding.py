"""Fold a batch norm into a torch layer in the arithmetic of `FoldBatchNormPass`, and convert weights to tables."""

import numpy as np
import torch
from torch import Tensor, nn

from ....analyzer.errors import ModelError

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
Affine = Convolution | Transposed | nn.Linear
Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


def fold_batch_norm(affine: Affine, norm: Norm | None) -> tuple[Tensor, Tensor]:
    """Weights and bias (unit,) of the composition of a layer and its batch norm, both float32.

    w' = w gain, b' = b gain + offset, computed in float64 and rounded once, as in `FoldBatchNormPass`. Thesis, 4.2.3.

    >>> w, b = fold_batch_norm(nn.Linear(2, 3), None)
    >>> w.shape, b.shape
    (torch.Size([3, 2]), torch.Size([3]))
    """
    units = affine.out_features if isinstance(affine, nn.Linear) else affine.out_channels
    bias = torch.zeros(units, device=affine.weight.device) if affine.bias is None else affine.bias
    if norm is None:
        return affine.weight, bias
    mean, variance = running_statistics(norm)
    gain = batch_norm_gain(norm, variance)
    weight = affine.weight.double() * broadcast_gain(gain, affine)
    return weight.float(), (bias.double() * gain + batch_norm_offset(norm, mean, gain)).float()


def batch_norm_gain(norm: Norm, variance: Tensor) -> Tensor:
    """Gains gamma / sqrt(var + epsilon) (unit,), float64; epsilon is rounded to float32, as in a model file."""
    gamma = torch.ones_like(variance) if norm.weight is None else norm.weight
    return gamma.double() / torch.sqrt(variance.double() + float(np.float32(norm.eps)))


def batch_norm_offset(norm: Norm, mean: Tensor, gain: Tensor) -> Tensor:
    """Offsets beta - mean gain (unit,), float64."""
    beta = torch.zeros_like(mean) if norm.bias is None else norm.bias
    return beta.double() - mean.double() * gain


def running_statistics(norm: Norm) -> tuple[Tensor, Tensor]:
    """The running mean and variance of a batch norm.

    Raises:
        ModelError: it has none.
    """
    if norm.running_mean is None or norm.running_var is None:
        raise ModelError("expected a batch norm with running statistics, got one without; set track_running_stats")
    return norm.running_mean, norm.running_var


def broadcast_gain(gain: Tensor, affine: Affine) -> Tensor:
    """Reshape one number per unit (unit,) so that it broadcasts against the weights of a torch module."""
    if isinstance(affine, Transposed):
        by_group = gain.reshape(affine.groups, -1).repeat_interleave(affine.in_channels // affine.groups, dim=0)
        return by_group.reshape(*by_group.shape, *[1] * (affine.weight.dim() - 2))
    return gain.reshape(-1, *[1] * (affine.weight.dim() - 1))


def layer_kind(affine: Affine | None) -> str:
    """The kind of a module, as in `Layer`; None is a batch norm that is not folded.

    >>> layer_kind(nn.Linear(1, 1)), layer_kind(None)
    ('MatMul', 'Scale')
    """
    if affine is None:
        return "Scale"
    if isinstance(affine, nn.Linear):
        return "MatMul"
    return "ConvTranspose" if isinstance(affine, Transposed) else "Conv"


def to_table(w: Tensor, affine: Affine | None) -> Tensor:
    """Convert weights to the table of `Layer`: (group, tap and input, unit), (input, unit), or (1, unit) for a scale.

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
    """Convert a table, or a flattened one, to the weights of a torch module.

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
