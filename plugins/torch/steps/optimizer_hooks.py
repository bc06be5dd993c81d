"""Stepping: when an optimizer is about to step, its gradients made, and when it has; and steps nobody is told of."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.optim import Optimizer

Closure = Callable[[], Any]


class Steps:
    """Tells of an optimizer's steps, until `detach()`.

    A step that a gradient scaler skips is none. Where the optimizer is given a closure, as Lightning does, the
    gradients are made within the step, and that is when `before` is called.

    Args:
        optimizer: any; of a wrapper (Accelerate's) the optimizer inside.
        before: called when a step is about to change the parameters.
        after: called when it has.

    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> optimizer = torch.optim.SGD([weight], lr=0.5)
    >>> told = lambda: print(weight.item())
    >>> steps = Steps(optimizer, before=told, after=told)
    >>> weight.sum().backward()
    >>> optimizer.step()
    1.0
    0.5
    """

    def __init__(self, optimizer: Optimizer, *, before: Callable[[], None], after: Callable[[], None]) -> None:
        self._before = before
        self._after = after
        inner = unwrapped(optimizer)
        self._handles = (
            inner.register_step_pre_hook(self._on_begin),
            inner.register_step_post_hook(self._on_end),
        )

    def detach(self) -> None:
        """Take the hooks off the optimizer."""
        for handle in self._handles:
            handle.remove()

    def _on_begin(
        self, optimizer: Optimizer, arguments: Sequence[Any], options: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        closure = arguments[1] if len(arguments) > 1 else options.get("closure")
        if closure is None:
            if not _skipped(optimizer):
                self._before()
            return None
        told = False

        def made() -> Any:
            nonlocal told
            loss = closure()
            if not told:
                told = True
                self._before()
            return loss

        return (optimizer, made, *arguments[2:]), {name: value for name, value in options.items() if name != "closure"}

    def _on_end(self, optimizer: Optimizer, arguments: Sequence[Any], options: Mapping[str, Any]) -> None:
        del arguments, options
        if not _skipped(optimizer):
            self._after()


def unwrapped(optimizer: Optimizer) -> Optimizer:
    """The optimizer that a wrapper steps, or itself."""
    while isinstance(inner := getattr(optimizer, "optimizer", None), Optimizer):
        optimizer = inner
    return optimizer


@torch.no_grad()
def quiet_step(optimizer: Optimizer, closure: Closure | None = None) -> None:
    """Step as the optimizer does, without telling its hooks or those of a scheduler."""
    step = type(optimizer).step
    if getattr(step, "hooked", False):
        step = step.__wrapped__  # type: ignore[attr-defined]  # of functools.wraps
    if closure is None:
        step(optimizer)
    else:
        step(optimizer, closure)


def set_rate(group: dict[str, Any], rate: float) -> None:
    """Give a parameter group its learning rate, which may be a tensor."""
    if isinstance(group["lr"], torch.Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def is_finite(optimizer: Optimizer) -> bool:
    """Whether all parameters and gradients are numbers.

    >>> weight = torch.nn.Parameter(torch.tensor([torch.inf]))
    >>> is_finite(torch.optim.SGD([weight]))
    False
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    tensors = [*parameters, *(parameter.grad for parameter in parameters if parameter.grad is not None)]
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)


def _skipped(optimizer: Optimizer) -> bool:
    """Whether a gradient scaler has told a fused optimizer to do nothing."""
    found = getattr(optimizer, "found_inf", None)
    return isinstance(found, torch.Tensor) and bool(found)
