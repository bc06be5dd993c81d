"""Hooks on a model, the interception of torch functions, and their use with `torch.compile`."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

import torch
from torch import nn
from torch._C._dynamo.eval_frame import _FrameAction, _FrameExecStrategy, set_code_exec_strategy, set_eval_frame
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

from ....analyzer.errors import ModelError
from .activations import Call

Compiler = Any
"""Dynamo's callback for the frames of a thread: None if it is off, False if only cached code runs."""

F = TypeVar("F", bound=Callable[..., Any])


def unwrap_model(model: nn.Module) -> nn.Module:
    """Return the module inside DistributedDataParallel and `torch.compile` wrappers, or the model itself.

    Raises:
        ModelError: it is not a module, or contains a torch.jit module or a DataParallel.

    >>> unwrap_model(nn.ReLU())
    ReLU()
    """
    if not isinstance(model, nn.Module):
        raise ModelError(f"model: expected a torch.nn.Module, got {type(model).__name__}")
    while isinstance(inner := _wrapped(model), nn.Module):
        model = inner
    for name, module in model.named_modules():
        part = repr(name) if name else "the model"
        if isinstance(module, torch.jit.ScriptModule):
            raise ModelError(
                f"{part}: expected a module that runs in Python, got one compiled by torch.jit; attach before compiling"
            )
        if isinstance(module, nn.DataParallel):
            raise ModelError(
                f"{part}: expected a module without threads, got a DataParallel; use DistributedDataParallel"
            )
    return model


def _wrapped(model: nn.Module) -> Any:
    if isinstance(model, nn.parallel.DistributedDataParallel):
        return model.module
    return getattr(model, "_orig_mod", None)  # set by torch.compile


def set_compiler(compiler: Compiler) -> Compiler:
    """Set dynamo's callback for this thread and return the previous one.

    >>> set_compiler(None) is None
    True
    """
    return set_eval_frame(compiler)


def reset_compiled_code() -> None:
    """Discard all code that `torch.compile` has cached, since it does not notice new hooks."""
    if "torch._dynamo" in sys.modules:
        torch.compiler.reset()


def skip_compilation(function: F) -> F:
    """Decorate a function so that dynamo does not compile it, but still compiles the functions it calls."""
    strategy = _FrameExecStrategy(_FrameAction.SKIP, _FrameAction.DEFAULT)
    set_code_exec_strategy(function.__code__, strategy)
    marks: Any = function
    marks._torchdynamo_disable = True
    marks._torchdynamo_disable_msg = "relucid reads activations in eager mode"
    return function


class Hook:
    """A module hook that runs uncompiled; a copy or a pickle of the model gets a no-op in its place.

    Args:
        function: called with the module, the current compiler, and the arguments that torch passes to hooks. It returns
            the compiler for the code that runs after the hook.
    """

    def __init__(self, function: Callable[..., Compiler]) -> None:
        self._function = function

    @skip_compilation
    def __call__(self, module: nn.Module, *arguments: Any) -> None:
        """Call the function with dynamo switched off, then set the compiler it returns."""
        compiler = set_compiler(None)
        try:
            compiler = self._function(module, compiler, *arguments)
        finally:
            set_compiler(compiler)

    def __reduce__(self) -> tuple[Any, ...]:
        # accepts any arguments, returns None, and unpickles where relucid is not installed
        return getattr, (nullcontext(), "__exit__")


_bypassed: ContextVar[bool] = ContextVar("relucid_bypassed", default=False)


@contextmanager
def bypass_captures() -> Iterator[None]:
    """Exempt the torch functions called in this context from every capture."""
    token = _bypassed.set(True)
    try:
        yield
    finally:
        _bypassed.reset(token)


class CallInterceptor(TorchFunctionMode):
    """Passes every torch function call to a handler while it is entered, except within `bypass_captures`.

    Args:
        handler: runs the call and returns its result.
    """

    def __init__(self, handler: Callable[[Call], Any]) -> None:
        super().__init__()
        self._handler = handler

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Handle one call; torch switches the mode off during the call."""
        call = partial(func, *args, **(kwargs or {}))
        return call() if _bypassed.get() else self._handler(call)

    def enter(self) -> None:
        """Enter the mode unless it is on already, as it is after a KeyboardInterrupt in a forward pass."""
        if self not in _get_current_function_mode_stack():
            self.__enter__()

    def leave(self) -> None:
        """Leave the mode if it is the innermost one."""
        if _get_current_function_mode_stack()[-1:] == [self]:
            self.__exit__(None, None, None)
