"""F1: the thesis' fully connected net of five hidden layers of 512 units (H section 2.1.1 ii)."""

import torch
from torch import Tensor, nn

from .rectangular import dense


class F1(nn.Module):
    """Images of any shape, flattened, to logits: 784 - 512 - 512 - 512 - 512 - 512 - 10 by default.

    Args:
        inputs: numbers in a sample.
        classes: number of logits.
        batch_norm: one before each ReLU, as in the lower rows of Fig 2.12.
        generator: draws the weights (Kaiming); torch's global one by default.

    >>> sum(parameter.numel() for parameter in F1().parameters())
    1457674
    """

    def __init__(
        self,
        *,
        inputs: int = 784,
        classes: int = 10,
        batch_norm: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.net = dense(inputs, 512, 5, classes, init="kaiming", batch_norm=batch_norm, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """Samples (sample, ...) to logits (sample, class)."""
        logits: Tensor = self.net(x.flatten(1))
        return logits
