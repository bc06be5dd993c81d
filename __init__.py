"""relucid reads a ReLU network as a machine that takes discrete decisions.

>>> import relucid
>>> report = relucid.analyze(relucid.demo.model(), relucid.demo.data())
>>> len(report.sites) > 0
True
"""

import sys
import warnings
from importlib import import_module
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from . import plugins
    from .analyzer import __version__, demo
    from .analyzer.analysis import analyze, merge
    from .analyzer.compare import compare, compare_chain
    from .analyzer.compare.comparison import Comparison, Course
    from .analyzer.errors import (
        DataError,
        MissingDependencyError,
        ModelError,
        OptionError,
        RelucidError,
        StateError,
    )
    from .analyzer.report import Report, SiteReport
    from .analyzer.sites import Site, find_sites
    from .analyzer.values import Estimate

__all__ = [
    "Comparison",
    "Course",
    "DataError",
    "Estimate",
    "MissingDependencyError",
    "ModelError",
    "OptionError",
    "RelucidError",
    "Report",
    "Site",
    "SiteReport",
    "StateError",
    "__version__",
    "analyze",
    "compare",
    "compare_chain",
    "demo",
    "find_sites",
    "merge",
    "plugins",
]

_HOME = {
    "__version__": "analyzer",
    "analyze": "analyzer.analysis",
    "compare": "analyzer.compare",
    "compare_chain": "analyzer.compare",
    "demo": "analyzer",
    "find_sites": "analyzer.sites",
    "merge": "analyzer.analysis",
    "plugins": "",
    "Comparison": "analyzer.compare.comparison",
    "Course": "analyzer.compare.comparison",
    "DataError": "analyzer.errors",
    "Estimate": "analyzer.values",
    "MissingDependencyError": "analyzer.errors",
    "ModelError": "analyzer.errors",
    "OptionError": "analyzer.errors",
    "RelucidError": "analyzer.errors",
    "Report": "analyzer.report",
    "Site": "analyzer.sites",
    "SiteReport": "analyzer.report",
    "StateError": "analyzer.errors",
}
"""The module of each public name; the names of packages are imported from the package that holds them."""

_PACKAGES = {"demo", "plugins"}

_MOVED = {
    "plugins.torch.cooling": "plugins.torch.actcoolr.rule",
    "plugins.torch.deficits": "plugins.torch.separation.separation_loss",
    "plugins.torch.extremes": "plugins.torch.separation.extreme_values",
    "plugins.torch.fitting": "plugins.torch.temperature.transition_fit",
    "plugins.torch.logs": "plugins.torch.monitor.loggers",
    "plugins.torch.transition": "plugins.torch.temperature.transition",
    "plugins.torch.zero_start": "plugins.torch.separation.zero_weights",
}
"""Modules that documentation of version 0.1 names, and where they are now."""


class _MovedModules:
    """Import a module under the name it had in version 0.1, with a DeprecationWarning."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        del path, target
        room, _, module = name.partition(".")
        return ModuleSpec(name, self) if room == __name__ and module in _MOVED else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        del spec

    def exec_module(self, module: "ModuleType") -> None:
        name = module.__name__
        present = f"{__name__}.{_MOVED[name.partition('.')[2]]}"
        warnings.warn(f"{name} has moved to {present}", DeprecationWarning, stacklevel=2)
        sys.modules[name] = import_module(present)


sys.meta_path.append(_MovedModules())


if not TYPE_CHECKING:  # a type checker that saw it would believe in every name

    def __getattr__(name: str) -> Any:
        """Import a public name from its module at first use (PEP 562): `import relucid` itself loads no library."""
        if name not in _HOME:
            raise AttributeError(f"module 'relucid' has no attribute {name!r}")
        home = ".".join(filter(None, (__name__, _HOME[name])))
        value = import_module(f"{home}.{name}") if name in _PACKAGES else getattr(import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
