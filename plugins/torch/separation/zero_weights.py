"""Training from weights that are all zero (S, section 4.2): separation constraints and a dropout that fades away.

Zero weights make all units of a layer alike. The constraints still push them where the balance is not 1/2, and dropout
makes them differ; it then fades away, for it costs accuracy.
"""

import torch
from torch import Tensor, nn

from ..capture.hooks import unwrap_model
from ..validation import check_count, check_number

_AFFINE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def zero_init(model: nn.Module, *, head: bool = False) -> None:
    """Set weights and biases of every linear map and convolution to zero.

    Args:
        model: the model, changed in place.
        head: whether the last of them, which makes the output, is set too. The paper says all; its code leaves the head
            as it was initialized, and without that no gradient tells the units of the last hidden layer apart.

    Raises:
        ModelError: it is no module.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> zero_init(model)
    >>> bool(model[0].weight.any()), bool(model[2].weight.any())
    (False, True)
    """
    affine = [module for module in unwrap_model(model).modules() if isinstance(module, _AFFINE)]
    for module in affine if head else affine[:-1]:
        nn.init.zeros_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def annealed_rate(epoch: float, *, start: float = 0.9, epochs: float = 1000) -> float:
    """The dropout rate r(e) = r0 max(0, 1 - e / E0).

    The paper gives no numbers; these are its code's from the first epoch on.

    >>> [annealed_rate(epoch) for epoch in (0, 500, 1000, 2000)]
    [0.9, 0.45, 0.0, 0.0]
    """
    return start * max(0.0, 1 - epoch / epochs)


class AnnealedDropout(nn.Module):
    """Dropout whose rate falls linearly to 0; one instance goes before every hidden layer, so all share the rate.

    Call `advance()` after every epoch. How far it has come is part of the model's state.

    Args:
        start: rate of the first epoch.
        epochs: when it has faded away.

    Raises:
        OptionError: the rate is not from 0 to 1, or it never fades.

    >>> dropout = AnnealedDropout(start=0.5, epochs=2)
    >>> dropout.advance()
    >>> dropout.rate
    0.25
    """

    epoch: Tensor

    def __init__(self, *, start: float = 0.9, epochs: int = 1000) -> None:
        super().__init__()
        self.start = check_number("start", start, least=0, most=1)
        self.epochs = check_count("epochs", epochs)
        self.register_buffer("epoch", torch.zeros((), dtype=torch.int64))

    @property
    def rate(self) -> float:
        """The present rate."""
        return annealed_rate(int(self.epoch), start=self.start, epochs=self.epochs)

    def advance(self) -> None:
        """One epoch is over."""
        self.epoch += 1

    def forward(self, x: Tensor) -> Tensor:
        """The input with entries dropped at the present rate, the others scaled up; in eval mode the input."""
        return nn.functional.dropout(x, self.rate, self.training)
