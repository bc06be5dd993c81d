"""Where in a model a torch function is called from: the path of the innermost module, read off the call stack.

Hooks on every module would tell it too, but they would stay in the user's model; the stack is there anyway.
"""

import weakref
from types import CodeType, FrameType

from torch import nn
from torch.utils.checkpoint import CheckpointFunction

_CALL = nn.Module._call_impl.__code__
_REENTRANT: CodeType = CheckpointFunction.forward.__code__


class ModulePaths:
    """The paths of a model's modules, and which of them a stack frame runs in.

    Args:
        root: the model; a module reachable by several names has several paths.
    """

    def __init__(self, root: nn.Module) -> None:
        self._root = root
        self._paths: weakref.WeakKeyDictionary[nn.Module, tuple[str, ...]] = weakref.WeakKeyDictionary()
        self._read()

    def running(self, frame: FrameType | None) -> str | None:
        """Path of the innermost module whose call the frame is part of: "" for the root, None outside of the root.

        Of a module with several names the one below the module that calls it is taken, as the exporter does.
        """
        calls: list[nn.Module] = []
        while frame is not None:
            if frame.f_code is _CALL:
                module = frame.f_locals["self"]
                if module is self._root:
                    return self._join(calls)
                calls.append(module)
            frame = frame.f_back
        return None

    def calls_of_root(self, frame: FrameType | None) -> int:
        """How many calls of the root the frame runs in."""
        calls = 0
        while frame is not None:
            calls += frame.f_code is _CALL and frame.f_locals["self"] is self._root
            frame = frame.f_back
        return calls

    def _join(self, calls: list[nn.Module]) -> str:
        path = ""
        for module in reversed(calls):
            names = self._names(module)
            below = [name for name in names if name.startswith(f"{path}.")]
            if names:
                path = min(below or names, key=lambda name: name.count("."))
        return path

    def _names(self, module: nn.Module) -> tuple[str, ...]:
        if module not in self._paths:
            self._read()
        return self._paths.get(module, ())

    def _read(self) -> None:
        paths: dict[nn.Module, tuple[str, ...]] = {}
        for name, module in self._root.named_modules(remove_duplicate=False):
            paths[module] = (*paths.get(module, ()), name)
        self._paths.clear()
        self._paths.update(paths)


def in_reentrant_checkpoint(frame: FrameType | None) -> bool:
    """Whether the frame runs in a checkpointed segment of the kind that is run without gradients first.

    >>> import sys
    >>> in_reentrant_checkpoint(sys._getframe())
    False
    """
    while frame is not None:
        if frame.f_code is _REENTRANT:
            return True
        frame = frame.f_back
    return False
