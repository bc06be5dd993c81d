"""The weights of a torch module in the order of their PSB table, and back."""

from torch import Tensor, nn

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
