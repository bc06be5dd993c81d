"""SGDW: SGD whose weights decay by a constant factor with each step, whatever the learning rate is (H 3.2.4)."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim import SGD


class SGDW(SGD):
    """w <- (1 - lambda) w - rate v, where v is what SGD would step by.

    The thesis prints (1 - lambda) w for what is taken away, (2.5), which would leave almost nothing. Its decay does not
    depend on the rate, other than that of `torch.optim.AdamW`; so at smaller rates there is more of it for each step.

    Args:
        parameters: as of `torch.optim.SGD`.
        decay: lambda, from 0 to 1.
        options: those of `torch.optim.SGD`.

    >>> weight = Parameter(torch.ones(1))
    >>> weight.sum().backward()
    >>> SGDW([weight], decay=0.5, lr=0.1).step()
    >>> round(weight.item(), 6)
    0.4
    """

    def __init__(self, parameters: Iterable[Parameter], *, decay: float, **options: Any) -> None:
        super().__init__(parameters, **options)
        self.decay = decay

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Decay, then step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - self.decay)
        super().step()
        return loss
