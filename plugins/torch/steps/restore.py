"""Context managers that restore a model and its optimizer bit by bit, on exit."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

Restore = Callable[[], None]


@contextmanager
def preserve_rng_and_modes(model: nn.Module) -> Iterator[None]:
    """Restore the random number generators of Python, numpy and torch, and the train/eval modes of the model.

    >>> model = nn.Dropout()
    >>> with preserve_rng_and_modes(model):
    ...     _ = model.eval(), torch.rand(3)
    >>> model.training
    True
    """
    modes = [(module, module.training) for module in model.modules()]
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - user code may draw from it
    try:
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        for module, training in modes:
            module.training = training


@contextmanager
def restore_afterwards(
    optimizer: Optimizer, model: nn.Module | None = None, *, parameters: bool = True, gradients: bool = True
) -> Iterator[None]:
    """Restore optimizer and model on exit, also after an exception or an interrupt from the keyboard.

    Restored are the optimizer's parameters, their gradients, its state with step counters, and the options of its
    groups; with a model also its buffers, the gradients of its other parameters, its train/eval modes, and the random
    number generators. Tensors keep their identity; state that did not exist before is removed.

    Args:
        optimizer: of any kind.
        model: the model, if its forwards run inside.
        parameters: whether to restore the optimizer's parameters.
        gradients: whether to copy and restore gradients; not needed if nothing inside writes to them.

    >>> model = nn.Linear(1, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    >>> before = model.weight.clone()
    >>> with restore_afterwards(optimizer, model):
    ...     model(torch.ones(1, 1)).sum().backward()
    ...     optimizer.step()
    >>> torch.equal(model.weight, before), model.weight.grad, dict(optimizer.state)
    (True, None, {})
    """
    own: list[Tensor] = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    others = [] if model is None else list(model.parameters())
    restore_tensors = (
        copy_tensors(own if parameters else []),
        copy_tensors([] if model is None else model.buffers()),
        _copy_gradients([*own, *others] if gradients else []),
    )
    restore_options, restore_state = _copy_options(optimizer), _copy_state(optimizer, own)

    def restore() -> None:
        restore_state()
        restore_options()
        for restore_part in restore_tensors:
            restore_part()

    with nullcontext() if model is None else preserve_rng_and_modes(model), restore_on_exit(restore):
        yield


@contextmanager
def restore_on_exit(restore: Restore) -> Iterator[None]:
    """Call a function on exit, and once more if an interrupt from the keyboard stops it."""
    try:
        yield
    finally:
        try:
            restore()
        except KeyboardInterrupt:
            restore()
            raise


def copy_tensors(tensors: Iterable[Tensor]) -> Restore:
    """Copy tensors; return a function that writes the copies back into them.

    >>> x = torch.ones(2)
    >>> restore = copy_tensors([x])
    >>> _ = x.zero_()
    >>> restore()
    >>> x
    tensor([1., 1.])
    """
    pairs = [(tensor, tensor.detach().clone()) for tensor in tensors]

    @torch.no_grad()
    def restore() -> None:
        for tensor, copy in pairs:
            tensor.data.copy_(copy)

    return restore


def _copy_gradients(parameters: Iterable[Tensor]) -> Restore:
    copies = [
        (parameter, gradient, None if gradient is None else gradient.detach().clone())
        for parameter in dict.fromkeys(parameters)
        for gradient in [parameter.grad]
    ]

    @torch.no_grad()
    def restore() -> None:
        for parameter, gradient, copy in copies:
            parameter.grad = gradient
            if gradient is not None and copy is not None:
                gradient.data.copy_(copy)

    return restore


def _copy_state(optimizer: Optimizer, parameters: Sequence[Tensor]) -> Restore:
    """Copy the optimizer's state of these parameters."""
    state = optimizer.state
    copies = {parameter: _copy_values(state[parameter]) for parameter in parameters if parameter in state}

    def restore() -> None:
        for parameter in parameters:
            if parameter not in copies:
                state.pop(parameter, None)
        for parameter, values in copies.items():
            restored = {name: _restore_value(value, copy) for name, (value, copy) in values.items()}
            state[parameter].clear()
            state[parameter].update(restored)

    return restore


def _copy_options(optimizer: Optimizer) -> Restore:
    """Copy the options of each parameter group."""
    copies = [
        _copy_values({name: value for name, value in group.items() if name != "params"})
        for group in optimizer.param_groups
    ]

    def restore() -> None:
        for group, values in zip(optimizer.param_groups, copies, strict=True):
            for name, (value, copy) in values.items():
                group[name] = _restore_value(value, copy)
            for name in group.keys() - values.keys() - {"params"}:
                del group[name]

    return restore


def _copy_values(values: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Pair each value with a copy that shares nothing with it."""
    return {
        name: (value, value.detach().clone() if isinstance(value, Tensor) else deepcopy(value))
        for name, value in values.items()
    }


@torch.no_grad()
def _restore_value(value: Any, copy: Any) -> Any:
    """Return the value as it was copied: the same tensor, or an equal object."""
    if not isinstance(value, Tensor):
        return deepcopy(copy)
    value.data.copy_(copy)
    return value
