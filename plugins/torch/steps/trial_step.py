"""Trial steps: the parameters after a step at any learning rate, from one state and one gradient, then restored."""

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

from .optimizer_hooks import Closure, set_rate, step_without_hooks
from .restore import restore_afterwards, restore_on_exit

LINEAR: frozenset[type[Optimizer]] = frozenset(
    {SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Muon, NAdam, RAdam, RMSprop, SparseAdam}
)
"""Optimizers whose update, weight decay included, is proportional to the learning rate.

Adafactor is not one of them (its step is bounded), nor are ASGD and Rprop (they adapt their own rates) and L-BFGS.
"""

SEPARATE = LINEAR | {ASGD, Adafactor, Rprop}
"""Optimizers whose update of a parameter depends on that parameter alone, so that parameters can step one by one."""

_FAR_RATE = 1024.0
"""The rate of the step from which the direction is computed, so large that rounding has little effect on it."""

_EXACT = frozenset({torch.float32, torch.float64})

Trial = Callable[[Sequence[float]], AbstractContextManager[None]]


@contextmanager
def trials(
    optimizer: Optimizer, *, many: bool = False, closure: Closure | None = None, model: nn.Module | None = None
) -> Iterator[Trial]:
    """Yield `at(rates)`, a context in which the parameters are those after a step at these rates, one for each group.

    On exit everything is restored bit by bit. A trial is a real step; it needs a copy of the parameters, and of
    gradients and state only those of one parameter at a time. Hooks of the optimizer are not called.

    Args:
        optimizer: an optimizer whose gradients are computed.
        many: whether to optimize for many trials: if the step is linear in the rate, one real step gives its direction,
            and a trial is theta - rate * direction, equal to the real step up to rounding. The directions take as much
            memory as the parameters.
        closure: recomputes the gradients and returns the loss; only used by optimizers that require one, as L-BFGS.
        model: the model whose forwards the closure runs.

    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> weight.sum().backward()
    >>> with trials(torch.optim.SGD([weight], lr=0.1)) as at, at([0.25]):
    ...     print(weight.item())
    0.75
    >>> weight.item()
    1.0
    """
    if type(optimizer) in SEPARATE:
        yield _try_one_by_one(optimizer, many=many and is_linear(optimizer))
    else:
        yield partial(_try_together, optimizer, closure if _requires_closure(optimizer) else None, model)


def is_linear(optimizer: Optimizer) -> bool:
    """Whether updates are proportional to the rate, and parameters precise enough to infer it from a single step."""
    return type(optimizer) in LINEAR and all(
        parameter.dtype in _EXACT for group in optimizer.param_groups for parameter in group["params"]
    )


def only_reads_gradients(optimizer: Optimizer) -> bool:
    """Whether its steps do not write to gradients, so that these need no copy.

    Other optimizers mostly do not write to them either, but do not document it; and SGD is the one for which a copy is
    large compared to its state. With foreach, Nesterov's momentum is added to the gradients in place, and fused steps
    may unscale them.
    """
    return type(optimizer) is SGD and not any(
        group["nesterov"] or group["fused"] or group["differentiable"] for group in optimizer.param_groups
    )


def _try_one_by_one(optimizer: Optimizer, *, many: bool) -> Trial:
    each = [
        (parameter, number)
        for number, group in enumerate(optimizer.param_groups)
        for parameter in group["params"]
        if parameter.grad is not None
    ]
    starts = [parameter.detach().clone() for parameter, _ in each]
    directions: list[Tensor] = []

    @torch.no_grad()
    def restore() -> None:
        for start, (parameter, _) in zip(starts, each, strict=True):
            parameter.data.copy_(start)

    @contextmanager
    def at(rates: Sequence[float]) -> Iterator[None]:
        with restore_on_exit(restore):
            for index, (parameter, group) in enumerate(each):
                if directions:
                    parameter.data.sub_(directions[index], alpha=rates[group])
                else:
                    _step_alone(optimizer, group, parameter, rates[group])
            yield

    if many:
        with restore_on_exit(restore):
            for parameter, group in each:
                _step_alone(optimizer, group, parameter, _FAR_RATE)
            directions = [
                (start - parameter.detach()).div_(_FAR_RATE) for start, (parameter, _) in zip(starts, each, strict=True)
            ]
    return at


def _step_alone(optimizer: Optimizer, group: int, parameter: Tensor, rate: float) -> None:
    """Step one parameter, and restore its gradient and state."""
    groups = optimizer.param_groups
    alone = {**groups[group], "params": [parameter]}
    if isinstance(alone["lr"], Tensor):
        alone["lr"] = alone["lr"].clone()
    try:
        optimizer.param_groups = [alone]
        with restore_afterwards(optimizer, parameters=False, gradients=not only_reads_gradients(optimizer)):
            set_rate(alone, rate)
            step_without_hooks(optimizer)
    finally:
        optimizer.param_groups = groups


@contextmanager
def _try_together(
    optimizer: Optimizer, closure: Closure | None, model: nn.Module | None, rates: Sequence[float]
) -> Iterator[None]:
    with restore_afterwards(optimizer, model):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            set_rate(group, rate)
        step_without_hooks(optimizer, closure)
        yield


def _requires_closure(optimizer: Optimizer) -> bool:
    closure = signature(type(optimizer).step).parameters.get("closure")
    return closure is not None and closure.default is Parameter.empty
