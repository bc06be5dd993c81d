"""Trials: the parameters after a step at any rate, from one state and one gradient, and back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from inspect import Parameter, signature

import torch
from torch import Tensor, nn
from torch.optim import (
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Muon,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
    Rprop,
    SparseAdam,
)

from .optimizer_hooks import Closure, quiet_step, set_rate
from .restore import rolled_back

LINEAR: frozenset[type[Optimizer]] = frozenset(
    {SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Muon, NAdam, RAdam, RMSprop, SparseAdam}
)
"""Optimizers that change a parameter by the rate times something the rate is not in, weight decay included.

Adafactor is not among them (its step is bounded), nor ASGD and Rprop (they step at rates of their own) nor L-BFGS.
"""

SEPARATE = LINEAR | {ASGD, Adafactor, Rprop}
"""Optimizers that step each parameter by what is its own, so that one after the other can be stepped."""

_FAR = 1024.0
"""A rate at which the direction is found: so large that little of it is lost where it is taken from a parameter."""

_EXACT = frozenset({torch.float32, torch.float64})

Trial = Callable[[Sequence[float]], AbstractContextManager[None]]


@contextmanager
def trials(
    optimizer: Optimizer, *, many: bool = False, closure: Closure | None = None, model: nn.Module | None = None
) -> Iterator[Trial]:
    """Gives `at(rates)`, within which the parameters are as after a step at these rates, one for each group.

    Afterwards all is as it was, to the last bit. A trial is a real step; it needs a copy of the parameters, and of
    gradients and state only what belongs to one parameter. Hooks of the optimizer are not called.

    Args:
        optimizer: its gradients are made.
        many: there will be many trials: where the step is linear in the rate one real step gives its direction, and a
            trial is theta - rate * direction, equal to the real step but for rounding. The directions take as much
            memory as the parameters.
        closure: makes the gradients anew and gives the loss; only run if the optimizer cannot step without, as L-BFGS.
        model: whose forwards the closure runs.

    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> weight.sum().backward()
    >>> with trials(torch.optim.SGD([weight], lr=0.1)) as at, at([0.25]):
    ...     print(weight.item())
    0.75
    >>> weight.item()
    1.0
    """
    if type(optimizer) in SEPARATE:
        yield _one_by_one(optimizer, many=many and is_linear(optimizer))
    else:
        yield partial(_together, optimizer, closure if _wants_closure(optimizer) else None, model)


def is_linear(optimizer: Optimizer) -> bool:
    """Whether one step tells all: the update is proportional to the rate, and the parameters hold it exactly enough."""
    return type(optimizer) in LINEAR and all(
        parameter.dtype in _EXACT for group in optimizer.param_groups for parameter in group["params"]
    )


def only_reads_gradients(optimizer: Optimizer) -> bool:
    """Whether its steps leave gradients as they are, so that they need no copy.

    Most do by most of their ways, but nothing says so; SGD is the one whose copies weigh much beside its state. With
    foreach Nesterov's momentum is added to the gradients themselves, and fused steps may unscale them.
    """
    return type(optimizer) is SGD and not any(
        group["nesterov"] or group["fused"] or group["differentiable"] for group in optimizer.param_groups
    )


def _one_by_one(optimizer: Optimizer, *, many: bool) -> Trial:
    each = [
        (parameter, number)
        for number, group in enumerate(optimizer.param_groups)
        for parameter in group["params"]
        if parameter.grad is not None
    ]
    starts = [parameter.detach().clone() for parameter, _ in each]
    directions: list[Tensor] = []

    @torch.no_grad()
    def back() -> None:
        for start, (parameter, _) in zip(starts, each, strict=True):
            parameter.data.copy_(start)

    @contextmanager
    def and_back() -> Iterator[None]:
        try:
            yield
        finally:
            try:
                back()
            except KeyboardInterrupt:
                back()
                raise

    @contextmanager
    def at(rates: Sequence[float]) -> Iterator[None]:
        with and_back():
            for place, (parameter, group) in enumerate(each):
                if directions:
                    parameter.data.sub_(directions[place], alpha=rates[group])
                else:
                    _step_alone(optimizer, group, parameter, rates[group])
            yield

    if many:
        with and_back():
            for parameter, group in each:
                _step_alone(optimizer, group, parameter, _FAR)
            directions = [
                (start - parameter.detach()).div_(_FAR) for start, (parameter, _) in zip(starts, each, strict=True)
            ]
    return at


def _step_alone(optimizer: Optimizer, group: int, parameter: Tensor, rate: float) -> None:
    """Step one parameter; its gradient and its state stay as they are."""
    groups = optimizer.param_groups
    alone = {**groups[group], "params": [parameter]}
    if isinstance(alone["lr"], Tensor):
        alone["lr"] = alone["lr"].clone()
    try:
        optimizer.param_groups = [alone]
        with rolled_back(optimizer, parameters=False, gradients=not only_reads_gradients(optimizer)):
            set_rate(alone, rate)
            quiet_step(optimizer)
    finally:
        optimizer.param_groups = groups


@contextmanager
def _together(
    optimizer: Optimizer, closure: Closure | None, model: nn.Module | None, rates: Sequence[float]
) -> Iterator[None]:
    with rolled_back(optimizer, model):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            set_rate(group, rate)
        quiet_step(optimizer, closure)
        yield


def _wants_closure(optimizer: Optimizer) -> bool:
    wanted = signature(type(optimizer).step).parameters.get("closure")
    return wanted is not None and wanted.default is Parameter.empty
