"""Learning rate schedules by name: those that want a rate from a range test, and ActCooLR, which wants none."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, MultiStepLR, OneCycleLR

from ....analyzer.errors import OptionError
from ....plugins.torch import ActCooLR

MOMENTUM, LEAST_MOMENTUM = 0.9, 0.765
UNTUNED = 1.0
"""The rate an optimizer comes with where the schedule does not look at it."""

START = 3.17
"""ActCooLR's temperature at the first step, in bits."""


@dataclass(frozen=True)
class Course:
    """What a schedule is made from.

    Args:
        steps: of the training.
        rate: of a range test, for schedules that want one.
        gamma: bends ActCooLR's curve.
        start: ActCooLR's temperature at the first step.
    """

    steps: int
    rate: float = UNTUNED
    gamma: float = 1.0
    start: float = START


Made = Callable[[Optimizer, nn.Module, Course], LRScheduler]
"""From optimizer, model and course to the schedule."""


@dataclass(frozen=True)
class Schedule:
    """How the learning rate goes over a training.

    Args:
        name: on the command line and in the csv file.
        made: makes it.
        tuned: whether it wants a rate.
    """

    name: str
    made: Made
    tuned: bool = True


def sgd(model: nn.Module, rate: float) -> SGD:
    """The optimizer of all of them: momentum 0.9, no weight decay.

    >>> sgd(nn.Linear(1, 1), 0.1).defaults["momentum"]
    0.9
    """
    return SGD(model.parameters(), lr=rate, momentum=MOMENTUM)


def _step_decay(optimizer: Optimizer, model: nn.Module, course: Course) -> LRScheduler:
    """A tenth after a half of the steps, and again after three quarters, as in the authors' code."""
    del model
    return MultiStepLR(optimizer, [course.steps // 2, course.steps * 3 // 4], 0.1)


def _one_cycle(optimizer: Optimizer, model: nn.Module, course: Course) -> LRScheduler:
    """From a tenth of the rate up in a tenth of the steps, down to a ten-thousandth; momentum goes against it."""
    del model
    return OneCycleLR(
        optimizer,
        course.rate,
        total_steps=course.steps,
        pct_start=max(0.1, 2 / course.steps),
        div_factor=10,
        final_div_factor=1e3,
        base_momentum=LEAST_MOMENTUM,
        max_momentum=MOMENTUM,
    )


def _cyclic(optimizer: Optimizer, model: nn.Module, course: Course) -> LRScheduler:
    """Five triangles, each half as high as the one before, between the rate and a hundredth of it."""
    del model
    return CyclicLR(
        optimizer,
        course.rate / 100,
        course.rate,
        step_size_up=max(course.steps // 10, 1),
        mode="triangular2",
        base_momentum=LEAST_MOMENTUM,
        max_momentum=MOMENTUM,
    )


def _actcoolr(optimizer: Optimizer, model: nn.Module, course: Course) -> LRScheduler:
    return ActCooLR(
        optimizer,
        model,
        total_steps=course.steps,
        start_temperature=course.start,
        gamma=course.gamma,
        probe_every=min(8, max(1, course.steps // 50)),
    )


SCHEDULES = (
    Schedule("step-decay", _step_decay),
    Schedule("one-cycle", _one_cycle),
    Schedule("cyclic", _cyclic),
    Schedule("actcoolr", _actcoolr, tuned=False),
)


def schedule(name: str) -> Schedule:
    """The schedule of that name.

    Raises:
        OptionError: there is none.

    >>> schedule("one-cycle").tuned, schedule("actcoolr").tuned
    (True, False)
    """
    found = next((known for known in SCHEDULES if known.name == name), None)
    if found is None:
        raise OptionError(f"schedule must be one of {', '.join(each.name for each in SCHEDULES)}; got {name!r}")
    return found
