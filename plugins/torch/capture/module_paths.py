"""The path of the module that calls a torch function, read from the call stack.

Hooks on every module would find it too, but would add state to the user's model; reading the stack does not.
"""

import weakref
from types import CodeType, FrameType

from torch import nn
from torch.utils.checkpoint import CheckpointFunction

_CALL = nn.Module._call_impl.__code__
_REENTRANT: CodeType = CheckpointFunction.forward.__code__


class ModulePaths:
    """Finds the module of a model that a stack frame runs in.

    Args:
        root: the model; a module registered under several names has several paths.
    """

    def __init__(self, root: nn.Module) -> None:
        self._root = root
        self._paths: weakref.WeakKeyDictionary[nn.Module, tuple[str, ...]] = weakref.WeakKeyDictionary()
        self._read_paths()

    def find_path(self, frame: FrameType | None) -> str | None:
        """Return the path of the innermost module that the frame runs in: "" for the root, None outside of the root.

        For a module with several names it is the one below the calling module, as in torch's exporter.
        """
        calls: list[nn.Module] = []
        while frame is not None:
            if frame.f_code is _CALL:
                module = frame.f_locals["self"]
                if module is self._root:
                    return self._join_names(calls)
                calls.append(module)
            frame = frame.f_back
        return None

    def count_root_calls(self, frame: FrameType | None) -> int:
        """Return the number of nested calls of the root that the frame runs in."""
        calls = 0
        while frame is not None:
            calls += frame.f_code is _CALL and frame.f_locals["self"] is self._root
            frame = frame.f_back
        return calls

    def _join_names(self, calls: list[nn.Module]) -> str:
        path = ""
        for module in reversed(calls):
            names = self._names(module)
            below = [name for name in names if name.startswith(f"{path}.")]
            if names:
                path = min(below or names, key=lambda name: name.count("."))
        return path

    def _names(self, module: nn.Module) -> tuple[str, ...]:
        if module not in self._paths:
            self._read_paths()
        return self._paths.get(module, ())

    def _read_paths(self) -> None:
        paths: dict[nn.Module, tuple[str, ...]] = {}
        for name, module in self._root.named_modules(remove_duplicate=False):
            paths[module] = (*paths.get(module, ()), name)
        self._paths.clear()
        self._paths.update(paths)


def in_reentrant_checkpoint(frame: FrameType | None) -> bool:
    """Whether the frame runs in a segment checkpointed with `use_reentrant=True`, which first runs without gradients.

    >>> import sys
    >>> in_reentrant_checkpoint(sys._getframe())
    False
    """
    while frame is not None:
        if frame.f_code is _REENTRANT:
            return True
        frame = frame.f_back
    return False
