"""Learning rate schedules by name: those that need the rate of a range test, and ActCooLR, which does not."""

from typing import Any

from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, MultiStepLR, OneCycleLR

from ....analyzer.errors import OptionError
from ....plugins.torch import ActCooLR

TUNED = ("step-decay", "one-cycle", "cyclic")
"""Schedules that need the rate of a range test."""

SCHEDULES = (*TUNED, "actcoolr")

MOMENTUM, LEAST_MOMENTUM = 0.9, 0.765
UNTUNED = 1.0
"""Initial rate of an optimizer whose schedule ignores it."""

START = 3.17
"""ActCooLR's temperature at the first step, in bits."""


def check_schedule(name: str) -> str:
    """Return the name if it is one of `SCHEDULES`.

    Raises:
        OptionError: no schedule has this name.
    """
    if name not in SCHEDULES:
        raise OptionError(f"schedule: expected one of {', '.join(SCHEDULES)}, got {name!r}")
    return name


def sgd(model: nn.Module, rate: float) -> SGD:
    """Create the optimizer that all schedules are used with: momentum 0.9, no weight decay.

    >>> sgd(nn.Linear(1, 1), 0.1).defaults["momentum"]
    0.9
    """
    return SGD(model.parameters(), lr=rate, momentum=MOMENTUM)


def make_schedule(
    name: str,
    optimizer: Optimizer,
    model: nn.Module,
    *,
    steps: int,
    rate: float = UNTUNED,
    gamma: float = 1.0,
    start: float = START,
) -> LRScheduler:
    """Create a schedule.

    step-decay divides the rate by ten after half of the steps and again after three quarters, as in the authors' code.
    one-cycle rises from a tenth of the rate within a tenth of the steps and falls to a ten-thousandth; momentum moves
    inversely. cyclic has five triangles between the rate and a hundredth of it, each half as high as the one before.

    Args:
        name: one of `SCHEDULES`.
        optimizer: the optimizer whose rate is set.
        model: the network, whose patterns ActCooLR measures.
        steps: number of steps of the training.
        rate: rate of the range test; ignored by ActCooLR.
        gamma: exponent of ActCooLR's curve.
        start: ActCooLR's temperature at the first step, in bits.

    Raises:
        OptionError: no schedule has this name.
    """
    momentum: dict[str, Any] = {"base_momentum": LEAST_MOMENTUM, "max_momentum": MOMENTUM}
    match check_schedule(name):
        case "step-decay":
            return MultiStepLR(optimizer, [steps // 2, steps * 3 // 4], 0.1)
        case "one-cycle":
            return OneCycleLR(
                optimizer,
                rate,
                total_steps=steps,
                pct_start=max(0.1, 2 / steps),
                div_factor=10,
                final_div_factor=1e3,
                **momentum,
            )
        case "cyclic":
            return CyclicLR(
                optimizer, rate / 100, rate, step_size_up=max(steps // 10, 1), mode="triangular2", **momentum
            )
    return ActCooLR(
        optimizer,
        model,
        total_steps=steps,
        start_temperature=start,
        gamma=gamma,
        probe_every=min(8, max(1, steps // 50)),
    )
