"""Rollback: a model and its optimizer as they were, to the last bit, whatever was tried in between."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer


@contextmanager
def preserved(model: nn.Module) -> Iterator[None]:
    """Restore the states of Python's, numpy's and torch's random numbers, and of the model's training flags.

    >>> model = nn.Dropout()
    >>> with preserved(model):
    ...     _ = model.eval(), torch.rand(3)
    >>> model.training
    True
    """
    flags = [(module, module.training) for module in model.modules()]
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - user code may draw from it
    try:
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        for module, training in flags:
            module.training = training


@contextmanager
def rolled_back(
    optimizer: Optimizer, model: nn.Module | None = None, *, parameters: bool = True, gradients: bool = True
) -> Iterator[None]:
    """Whatever is done inside, afterwards all is as it was, also if it raised or was interrupted from the keyboard.

    That is: the optimizer's parameters, their gradients, its state with its counters and its options by group; and if
    there is a model its buffers, its other parameters' gradients, its training flags, and random numbers. Tensors keep
    their identity; what was absent is absent again.

    Args:
        optimizer: of any kind.
        model: whose forwards run inside; None if none do.
        parameters: False leaves the optimizer's parameters as they are at the end.
        gradients: False if nothing inside writes to them; it saves their copies.

    >>> model = nn.Linear(1, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    >>> before = model.weight.clone()
    >>> with rolled_back(optimizer, model):
    ...     model(torch.ones(1, 1)).sum().backward()
    ...     optimizer.step()
    >>> torch.equal(model.weight, before), model.weight.grad, dict(optimizer.state)
    (True, None, {})
    """
    mine: list[Tensor] = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    others = [] if model is None else list(model.parameters())
    kept = (
        Kept(mine if parameters else []),
        Kept([] if model is None else model.buffers()),
        _Gradients([*mine, *others] if gradients else []),
    )
    options, state = _options(optimizer), _State(optimizer, mine)

    def restore() -> None:
        state.restore()
        for group, values in zip(optimizer.param_groups, options, strict=True):
            for name, (value, copy) in values.items():
                group[name] = _restored(value, copy)
            for name in group.keys() - values.keys() - {"params"}:
                del group[name]
        for part in kept:
            part.restore()

    with nullcontext() if model is None else preserved(model):
        try:
            yield
        finally:
            try:
                restore()
            except KeyboardInterrupt:
                restore()
                raise


class Kept:
    """Copies of tensors, to be put back into them.

    >>> x = torch.ones(2)
    >>> kept = Kept([x])
    >>> _ = x.zero_()
    >>> kept.restore()
    >>> x
    tensor([1., 1.])
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._both = [(tensor, tensor.detach().clone()) for tensor in tensors]

    @torch.no_grad()
    def restore(self) -> None:
        """Put them back; the tensors stay the same objects."""
        for tensor, copy in self._both:
            tensor.data.copy_(copy)


class _Gradients:
    """Gradients, or that there are none."""

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self._all = [
            (parameter, gradient, None if gradient is None else gradient.detach().clone())
            for parameter in dict.fromkeys(parameters)
            for gradient in [parameter.grad]
        ]

    @torch.no_grad()
    def restore(self) -> None:
        for parameter, gradient, copy in self._all:
            parameter.grad = gradient
            if gradient is not None and copy is not None:
                gradient.data.copy_(copy)


class _State:
    """An optimizer's state of some parameters."""

    def __init__(self, optimizer: Optimizer, owners: Iterable[Tensor]) -> None:
        self._state = optimizer.state
        self._owners = [*owners]
        self._kept = {owner: _copied(self._state[owner]) for owner in self._owners if owner in self._state}

    def restore(self) -> None:
        for owner in self._owners:
            if owner not in self._kept:
                self._state.pop(owner, None)
        for owner, values in self._kept.items():
            restored = {name: _restored(value, copy) for name, (value, copy) in values.items()}
            self._state[owner].clear()
            self._state[owner].update(restored)


def _options(optimizer: Optimizer) -> list[dict[str, tuple[Any, Any]]]:
    return [
        _copied({name: value for name, value in group.items() if name != "params"}) for group in optimizer.param_groups
    ]


def _copied(values: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Each value and a copy of it, which is apart from all other copies."""
    return {
        name: (value, value.detach().clone() if isinstance(value, Tensor) else deepcopy(value))
        for name, value in values.items()
    }


@torch.no_grad()
def _restored(value: Any, copy: Any) -> Any:
    """The value as it was when it was copied: the same tensor, or an equal object."""
    if not isinstance(value, Tensor):
        return deepcopy(copy)
    value.data.copy_(copy)
    return value
