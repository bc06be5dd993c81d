"""Callbacks before and after optimizer steps, steps without callbacks, and helpers for optimizers of any kind."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.optim import Optimizer

Closure = Callable[[], Any]


def hook_steps(optimizer: Optimizer, *, before: Callable[[], None], after: Callable[[], None]) -> Callable[[], None]:
    """Call functions before and after each step of an optimizer.

    A step that a gradient scaler skips does not count. If the optimizer steps with a closure, as in Lightning, the
    gradients are computed within the step, and `before` is called after the first run of the closure.

    Args:
        optimizer: of any kind; of a wrapper (Accelerate's) the optimizer inside is used.
        before: called with all gradients computed, before the parameters change.
        after: called after the parameters have changed.

    Returns:
        A function that removes the hooks.

    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> optimizer = torch.optim.SGD([weight], lr=0.5)
    >>> print_weight = lambda: print(weight.item())
    >>> remove = hook_steps(optimizer, before=print_weight, after=print_weight)
    >>> weight.sum().backward()
    >>> optimizer.step()
    1.0
    0.5
    """

    def on_begin(
        optimizer: Optimizer, arguments: Sequence[Any], options: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        closure = arguments[1] if len(arguments) > 1 else options.get("closure")
        if closure is None:
            if not _is_skipped(optimizer):
                before()
            return None
        called = False

        def closure_then_before() -> Any:
            nonlocal called
            loss = closure()
            if not called:
                called = True
                before()
            return loss

        rest = {name: value for name, value in options.items() if name != "closure"}
        return (optimizer, closure_then_before, *arguments[2:]), rest

    def on_end(optimizer: Optimizer, arguments: Sequence[Any], options: Mapping[str, Any]) -> None:
        del arguments, options
        if not _is_skipped(optimizer):
            after()

    inner = unwrap_optimizer(optimizer)
    handles = inner.register_step_pre_hook(on_begin), inner.register_step_post_hook(on_end)

    def remove() -> None:
        for handle in handles:
            handle.remove()

    return remove


def _is_skipped(optimizer: Optimizer) -> bool:
    """Whether a gradient scaler makes a fused optimizer skip this step."""
    found = getattr(optimizer, "found_inf", None)
    return isinstance(found, torch.Tensor) and bool(found)


def unwrap_optimizer(optimizer: Optimizer) -> Optimizer:
    """Return the optimizer inside a wrapper, or the optimizer itself."""
    while isinstance(inner := getattr(optimizer, "optimizer", None), Optimizer):
        optimizer = inner
    return optimizer


@torch.no_grad()
def step_without_hooks(optimizer: Optimizer, closure: Closure | None = None) -> None:
    """Step without calling hooks of the optimizer, and without increasing the step count of a scheduler."""
    step = type(optimizer).step
    if getattr(step, "hooked", False):
        step = step.__wrapped__  # type: ignore[attr-defined]  # of functools.wraps
    if closure is None:
        step(optimizer)
    else:
        step(optimizer, closure)


def set_rate(group: dict[str, Any], rate: float) -> None:
    """Set the learning rate of a parameter group; a rate that is a tensor is changed in place."""
    if isinstance(group["lr"], torch.Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def is_finite(optimizer: Optimizer) -> bool:
    """Whether all parameters and gradients are finite.

    >>> weight = torch.nn.Parameter(torch.tensor([torch.inf]))
    >>> is_finite(torch.optim.SGD([weight]))
    False
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    tensors = [*parameters, *(parameter.grad for parameter in parameters if parameter.grad is not None)]
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)
