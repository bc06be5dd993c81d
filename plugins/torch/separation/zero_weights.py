"""Training from all-zero weights (S, section 4.2), with separation constraints and annealed dropout.

With zero weights all units of a layer are equal. The constraints still have a gradient if the balance is not 1/2, and
dropout breaks the symmetry; its rate is annealed to 0 because it costs accuracy.
"""

import torch
from torch import Tensor, nn

from ..capture.hooks import unwrap_model
from ..validation import check_count, check_number

_AFFINE_MODULES = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def zero_init(model: nn.Module, *, head: bool = False) -> None:
    """Set weights and biases of every linear map and convolution to zero.

    Args:
        model: the model, changed in place.
        head: whether to include the last of them, which computes the output. The paper sets all of them; its code keeps
            the initialization of the head, without which all units of the last hidden layer get equal gradients.

    Raises:
        ModelError: the model is not a module.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> zero_init(model)
    >>> bool(model[0].weight.any()), bool(model[2].weight.any())
    (False, True)
    """
    affine = [module for module in unwrap_model(model).modules() if isinstance(module, _AFFINE_MODULES)]
    for module in affine if head else affine[:-1]:
        nn.init.zeros_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def annealed_rate(epoch: float, *, start: float = 0.9, epochs: float = 1000) -> float:
    """Return the dropout rate r(e) = r0 max(0, 1 - e / E0).

    The paper gives no numbers; the defaults are those of its code.

    >>> [annealed_rate(epoch) for epoch in (0, 500, 1000, 2000)]
    [0.9, 0.45, 0.0, 0.0]
    """
    return start * max(0.0, 1 - epoch / epochs)


class AnnealedDropout(nn.Module):
    """Dropout whose rate falls linearly to 0; use one instance before every hidden layer, so that they share the rate.

    Call `advance()` after every epoch. The epoch is a buffer, saved with the model's state.

    Args:
        start: rate in the first epoch.
        epochs: number of epochs until the rate is 0.

    Raises:
        OptionError: `start` is not in [0, 1], or `epochs` is below 1.

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
        """The dropout rate of the current epoch."""
        return annealed_rate(int(self.epoch), start=self.start, epochs=self.epochs)

    def advance(self) -> None:
        """Increase the epoch by one, which lowers the rate."""
        self.epoch += 1

    def forward(self, x: Tensor) -> Tensor:
        """Return the input after inverted dropout at the current rate; in evaluation mode, the input itself."""
        return nn.functional.dropout(x, self.rate, self.training)
