"""The analyzer: sites, statistics, measures and the report of any ONNX model. Never imports torch.

onnx_ir is imported without sympy, which it reads only to compute with symbolic dimensions, and which takes more time to
import than onnx, onnxruntime and numpy together. While onnx_ir is imported, sympy and the one module that reads it at
once are deferred; a version of onnx_ir without that module imports sympy as usual.
"""

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType, SimpleNamespace
from typing import Any

__version__ = "0.1.0"

_DEFERRED = ("sympy", "onnx_ir._symbolic_shapes")


def _find_onnx_ir(name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
    """Find onnx_ir as Python does; its loader defers the import of sympy."""
    if name != "onnx_ir" or (spec := PathFinder.find_spec(name, path, target)) is None or spec.loader is None:
        return None
    spec.loader.exec_module = partial(_execute_without_sympy, spec.loader.exec_module)  # type: ignore[method-assign]
    return spec


def _execute_without_sympy(execute: Callable[[ModuleType], None], module: ModuleType) -> None:
    deferred = {name: _defer(name) for name in _DEFERRED if name not in sys.modules}
    sys.modules.update(deferred)
    try:
        execute(module)
    finally:
        for name, substitute in deferred.items():
            if sys.modules.get(name) is substitute:
                del sys.modules[name]


def _defer(name: str) -> ModuleType:
    """Return a module that imports the one of that name when its first attribute is read."""
    module = ModuleType(name)
    module.__getattr__ = lambda attribute: getattr(import_module(name), attribute)  # type: ignore[method-assign]
    return module


if "onnx_ir" not in sys.modules:
    sys.meta_path.insert(0, SimpleNamespace(find_spec=_find_onnx_ir))
