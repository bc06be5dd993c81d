"""What `torch.compile` is told of us: our hooks are not compiled, and neither is a forward that is watched.

Compiled code calls no torch functions, so a watched forward has to run as it was written. Leaving that to the compiler
by breaking its graph at every call would make it give up, once and for all, on every `forward` with a loop in it: the
compiler is set aside instead, from the hook before such a forward to the hook behind it. torch has no public function
for that, and importing `torch._dynamo`, where the decorators are, takes seconds; these are the functions they end in.
"""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch._C._dynamo.eval_frame import _FrameAction, _FrameExecStrategy, set_code_exec_strategy, set_eval_frame

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
