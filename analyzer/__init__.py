"""The analyzer: sites, statistics, measures and the report of any ONNX model. Never imports torch."""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

__version__ = "0.1.0"


class _Deferred(ModuleType):
    """Imports a module when the first attribute of it is read."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


class _OnnxIrWithoutSympy:
    """Import onnx_ir without sympy, which it reads only to compute with symbolic dimensions.

    sympy takes more time to import than onnx, onnxruntime and numpy together. While onnx_ir is imported, sympy and the
    one module that reads it at once are deferred; a version of onnx_ir without that module imports sympy as usual.
    """

    _DEFERRED = ("sympy", "onnx_ir._symbolic_shapes")

    def __init__(self) -> None:
        self._loader: Any = None

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "onnx_ir" or (spec := PathFinder.find_spec(name, path, target)) is None:
            return None
        self._loader, spec.loader = spec.loader, self  # type: ignore[assignment]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        names = [name for name in self._DEFERRED if name not in sys.modules]
        sys.modules.update({name: _Deferred(name) for name in names})
        try:
            self._loader.exec_module(module)
        finally:
            for name in names:
                if isinstance(sys.modules.get(name), _Deferred):
                    del sys.modules[name]


if "onnx_ir" not in sys.modules:
    sys.meta_path.insert(0, _OnnxIrWithoutSympy())
