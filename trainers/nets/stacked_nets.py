"""Rectangular nets of one width and different depths as one module, with one parameter tensor per kind of weight."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...analyzer.errors import OptionError
from .rectangular import EndPadded, Rectangular
from .stacked import Stack, dense_form, trunk, trunk_reference


class StackedNets(nn.Module):
    """Compute the given nets together; each trains exactly as it would alone.

    Units are ordered by position, then by channel. Dense nets have one position, nets of (2, 1) convolutions two.

    Args:
        nets: dense or conv21 nets of one width with one logit, deepest first; their weights are copied.

    Raises:
        OptionError: the nets differ in width or kind.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, nets: Sequence[Rectangular]) -> None:
        super().__init__()
        self.stack = Stack(tuple(len(net.layers) for net in nets))
        layers: list[Any] = [
            net.layers[number] for number, count in enumerate(self.stack.counts) for net in nets[:count]
        ]
        if len({(_kernel(layer.affine).shape[:2], type(layer.norm)) for layer in layers}) > 1:
            raise OptionError("nets: expected one kind and one width, got several; build a separate stack for each")
        self.positions, self.width = _kernel(layers[0].affine).shape[:2]
        heads: list[Any] = [net.head.affine for net in nets]
        self.first = nn.Parameter(_stack(_kernel(layer.affine) for layer in layers[: len(nets)]))
        square = self.first.new_zeros(0, self.positions, self.width, self.width)
        self.hidden = nn.Parameter(_stack((_kernel(layer.affine) for layer in layers[len(nets) :]), default=square))
        self.bias = nn.Parameter(_stack(layer.affine.bias for layer in layers))
        self.head = nn.Parameter(_stack(self._by_position(head.weight) for head in heads))
        self.head_bias = nn.Parameter(_stack(head.bias for head in heads))
        self.normalized = not isinstance(layers[0].norm, nn.Identity)
        if self.normalized:
            norms = [layer.norm for layer in layers]
            self.scale = nn.Parameter(_stack(norm.weight for norm in norms))
            self.shift = nn.Parameter(_stack(norm.bias for norm in norms))
            self.register_buffer("running_mean", _stack(norm.running_mean for norm in norms))
            self.register_buffer("running_var", _stack(norm.running_var for norm in norms))
            self.eps: float = norms[0].eps
            self.momentum: float = norms[0].momentum

    def forward(self, x: Tensor, drop: Callable[[Tensor], Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Compute the logits of all nets and the pre-activations of all cells.

        Args:
            x: points (sample, 2).
            drop: dropout, applied to a tensor of ones to draw the factors of every layer's input; None for no dropout.

        Returns:
            logits (net, sample) and z (cell, position, channel, sample).
        """
        stack, units = self.stack, self.positions * self.width
        inputs, keep = x.T, None
        if drop is not None:
            inputs = x.T * drop(x.new_ones(len(stack.depths), *x.T.shape))
            keep = drop(x.new_ones(len(self.hidden), units, len(x)))
        bias = self.bias.repeat(1, self.positions)[..., None]
        first, hidden = dense_form(self.first), dense_form(self.hidden)
        if self.normalized:
            z, top = trunk_reference(inputs, first, hidden, bias, stack=stack, keep=keep, normalize=self._normalize)
        else:
            z, top = trunk(inputs, first, hidden, bias, stack=stack, keep=keep)
        logits = (self.head @ top + self.head_bias[..., None]).squeeze(1)
        return logits, z.unflatten(1, (self.positions, self.width))

    def _by_position(self, weight: Tensor) -> Tensor:
        """Reorder a head's weights from (1, channel * position) to (1, position * channel)."""
        by_channel: Tensor = weight.unflatten(1, (self.width, self.positions))
        return by_channel.mT.flatten(1)

    def _normalize(self, a: Tensor, cells: slice) -> Tensor:
        """Batch norm of each channel over samples and positions, by batch or (in evaluation) running statistics."""
        a = a.unflatten(1, (self.positions, self.width))
        if self.training:
            variance, mean = torch.var_mean(a, (1, 3), correction=0)
            with torch.no_grad():
                entries = self.positions * a.shape[-1]
                self.running_mean[cells].lerp_(mean, self.momentum)
                self.running_var[cells].lerp_(variance * (entries / (entries - 1)), self.momentum)
        else:
            mean, variance = self.running_mean[cells], self.running_var[cells]
        factor = self.scale[cells] * (variance + self.eps).rsqrt()
        shift = self.shift[cells] - mean * factor
        return (a * factor[:, None, :, None] + shift[:, None, :, None]).flatten(1, 2)


def _kernel(affine: nn.Linear | EndPadded) -> Tensor:
    """Return the weights as (tap, out, in)."""
    return affine.weight[None] if isinstance(affine, nn.Linear) else affine.weight.squeeze(-1).permute(2, 0, 1)


def _stack(tensors: Iterable[Tensor], *, default: Tensor | None = None) -> Tensor:
    """Stack copies of the tensors along a new axis; return `default` if there are none."""
    each = [tensor.detach() for tensor in tensors]
    return default if default is not None and not each else torch.stack(each)
