"""How a capture holds on to a model: hooks, a mode for torch functions, and the module inside a wrapper."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

from ...analyzer.errors import ModelError
from .calls import Call

_WHY = "relucid sees what runs, and compiled code does not run it"
_Parallel = nn.parallel.DistributedDataParallel


class Hook:
    """A hook that stays behind: a copy or a pickle of the model has one that does nothing in its place.

    Args:
        act: is given the module and, after a forward, what it returned.
    """

    def __init__(self, act: Callable[..., None]) -> None:
        self._act = act

    @torch.compiler.disable(reason=_WHY)
    def __call__(self, module: nn.Module, _: Any, *output: Any) -> None:
        """Act."""
        self._act(module, *output)

    def __reduce__(self) -> tuple[Any, ...]:
        # takes anything, returns None, and is found where relucid is not installed
        return getattr, (nullcontext(), "__exit__")


class PassingBy(TorchFunctionMode):
    """While it is on, every torch function that is called passes by.

    Args:
        call: runs the call and returns what it made.
    """

    def __init__(self, call: Callable[[Call], Any]) -> None:
        super().__init__()
        self._call = call

    @torch.compiler.disable(reason=_WHY)
    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Pass the call by; within it the mode is off."""
        return self._call(Call(func, args, kwargs or {}))

    def enter(self) -> None:
        """Switch it on, unless it is: a forward that is interrupted from the keyboard leaves it on."""
        if self not in _get_current_function_mode_stack():
            self.__enter__()

    def leave(self) -> None:
        """Switch it off if it is the innermost mode."""
        if _get_current_function_mode_stack()[-1:] == [self]:
            self.__exit__(None, None, None)


def inside(model: nn.Module) -> nn.Module:
    """The module that a wrapper runs, or the model itself.

    Raises:
        ModelError: a part of it cannot be seen into.

    >>> inside(nn.ReLU())
    ReLU()
    """
    while isinstance(inner := model.module if isinstance(model, _Parallel) else _compiled(model), nn.Module):
        model = inner
    for name, module in model.named_modules():
        part = repr(name) if name else "the model"
        if isinstance(module, torch.jit.ScriptModule):
            raise ModelError(
                f"{part} is compiled by torch.jit, so nothing in it can be seen: attach before compiling it"
            )
        if isinstance(module, nn.DataParallel):
            raise ModelError(f"{part} is a DataParallel, whose copies run in threads: use DistributedDataParallel")
    return model


def _compiled(model: nn.Module) -> Any:
    """What `torch.compile` has wrapped; None if the model is no such wrapper."""
    return getattr(model, "_orig_mod", None)
