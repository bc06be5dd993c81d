"""The standard deviations of theorem 1: sigma_c of the pre-activations of a layer, sigma_g of their change at rate 1.

Their ratio is the scale of the transition: D(rate) = 1 - [1 - arctan(rate sigma_g / sigma_c) / pi]^d.
"""

from torch import Tensor, nn
from torch.nn import functional

from ....analyzer.errors import ModelError

_CONVOLVE = {nn.Conv1d: functional.conv1d, nn.Conv2d: functional.conv2d, nn.Conv3d: functional.conv3d}


def deviation(weight: Tensor, bias: Tensor | None, energy: float) -> float:
    """The sigma with sigma^2 = E[w^2] sum_j E[x_j^2] + E[b^2], (3.20) for parameters, (3.21) for gradients.

    The thesis prints variances of x, and a sum over i. For weights of mean zero second moments are correct, which are
    larger if the inputs have a mean, as after a ReLU. Weights and biases have mean zero by assumption.

    Args:
        weight: weights of a layer, or their gradients, of any shape.
        bias: biases, or their gradients (unit,).
        energy: sum_j E[x_j^2], from the function `energy`.

    >>> import torch
    >>> deviation(torch.full((2, 2), 3.0), torch.tensor([4.0, 4.0]), 1.0)
    5.0
    """
    square = weight.detach().double().square().mean() * energy
    if bias is not None:
        square = square + bias.detach().double().square().mean()
    return float(square.sqrt())


def energy(layer: nn.Module, x: Tensor) -> float:
    """Return sum_j E[x_j^2] over the inputs j of one unit of a layer; the mean is over samples and positions.

    Args:
        layer: a linear map or a convolution.
        x: its input (sample, ..., feature) or (sample, channel, ...).

    Raises:
        ModelError: the layer is of another type.

    >>> import torch
    >>> energy(nn.Linear(2, 5), torch.tensor([[1.0, 2.0], [3.0, 0.0]]))
    7.0
    >>> energy(nn.Conv2d(1, 5, 3), torch.ones(1, 1, 4, 4))
    9.0
    """
    square = x.detach().double().square()
    if isinstance(layer, nn.Linear):
        return float(square.sum(-1).mean())
    for kind, convolve in _CONVOLVE.items():
        if isinstance(layer, kind):
            ones = square.new_ones((layer.groups, *layer.weight.shape[1:]))
            found = convolve(square, ones, None, layer.stride, layer.padding, layer.dilation, layer.groups)
            return float(found.mean())
    raise ModelError(f"the deviations of a layer: expected a linear map or a convolution, got {type(layer).__name__}")


def deviations(layer: nn.Module, x: Tensor) -> tuple[float, float]:
    """Return sigma_c and sigma_g of a layer, from its weights and gradients; sigma_g / sigma_c is the s of `arctan`.

    Args:
        layer: a linear map or a convolution after `backward()`.
        x: the input of the layer (sample, ..., feature) or (sample, channel, ...).

    Raises:
        ModelError: the layer is of another type, or has no gradient.

    >>> import torch
    >>> layer, x = nn.Linear(3, 4), torch.ones(2, 3)
    >>> layer(x).sum().backward()
    >>> _, sigma_g = deviations(layer, x)
    >>> round(sigma_g, 6)  # each weight has the gradient 2, each bias too
    4.0
    """
    sum_of_squares = energy(layer, x)
    weight, bias = layer.weight, layer.bias
    if not isinstance(weight, Tensor) or weight.grad is None:
        raise ModelError("the deviations of a layer: expected gradients, got none; call backward() first")
    slope = bias.grad if isinstance(bias, Tensor) else None
    sigma_c = deviation(weight, bias if isinstance(bias, Tensor) else None, sum_of_squares)
    return sigma_c, deviation(weight.grad, slope, sum_of_squares)
