"""How a capture holds on to a model: hooks, a mode for torch functions, and the module inside a wrapper."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, TypeVar

import torch
from torch import nn
from torch._C._dynamo.eval_frame import _FrameAction, _FrameExecStrategy, set_code_exec_strategy, set_eval_frame
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

from ....analyzer.errors import ModelError
from .activations import Call

Compiler = Any
"""What compiles the functions that are called; None if nothing does, False if only what was compiled before is used."""

F = TypeVar("F", bound=Callable[..., Any])


def set_compiler(compiler: Compiler) -> Compiler:
    """Let this compile the functions called from now on in this thread; returns what has done so till now.

    >>> set_compiler(None) is None
    True
    """
    return set_eval_frame(compiler)


def as_written(function: F) -> F:
    """A decorator: the function is not compiled itself; what it calls is, unless it sets the compiler aside."""
    alone = _FrameExecStrategy(_FrameAction.SKIP, _FrameAction.DEFAULT)
    set_code_exec_strategy(function.__code__, alone)
    marks: Any = function
    marks._torchdynamo_disable = True
    marks._torchdynamo_disable_msg = "relucid sees what runs, and compiled code does not run it"
    return function


def forget_compiled() -> None:
    """Discard what was compiled so far, which would not notice new hooks."""
    if "torch._dynamo" in sys.modules:
        torch.compiler.reset()


_Parallel = nn.parallel.DistributedDataParallel
_aside: ContextVar[bool] = ContextVar("relucid_aside", default=False)


class Hook:
    """A hook that stays behind: a copy or a pickle of the model has one that does nothing in its place.

    Args:
        act: is given the module, what compiles what it runs, and what torch gives to hooks: the arguments and, after a
            forward, what it returned. It returns what is to compile what runs next; nothing is compiled while it acts.
    """

    def __init__(self, act: Callable[..., Compiler]) -> None:
        self._act = act

    @as_written
    def __call__(self, module: nn.Module, *given: Any) -> None:
        """Act."""
        compiler = set_compiler(None)
        try:
            compiler = self._act(module, compiler, *given)
        finally:
            set_compiler(compiler)

    def __reduce__(self) -> tuple[Any, ...]:
        # takes anything, returns None, and is found where relucid is not installed
        return getattr, (nullcontext(), "__exit__")


@contextmanager
def aside() -> Iterator[None]:
    """What is called in this context passes no capture by, neither the one it serves nor another of the same model."""
    token = _aside.set(True)
    try:
        yield
    finally:
        _aside.reset(token)


class PassingBy(TorchFunctionMode):
    """While it is on, every torch function that is called passes by, unless it is called `aside`.

    Args:
        call: runs the call and returns what it made.
    """

    def __init__(self, call: Callable[[Call], Any]) -> None:
        super().__init__()
        self._call = call

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Pass the call by; within it the mode is off."""
        call = Call(func, args, kwargs or {})
        return call.run() if _aside.get() else self._call(call)

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
        ModelError: it is no module, or a part of it cannot be seen into.

    >>> inside(nn.ReLU())
    ReLU()
    """
    if not isinstance(model, nn.Module):
        raise ModelError(f"wanted a torch.nn.Module, got {type(model).__name__}")
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
