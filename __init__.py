"""relucid reads a ReLU network as a machine that takes discrete decisions.

>>> import relucid
>>> report = relucid.analyze(relucid.demo.model(), relucid.demo.data())
>>> len(report.sites) > 0
True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .analyzer import demo
    from .analyzer.analysis import analyze, merge
    from .analyzer.compare import compare, compare_chain
    from .analyzer.compare.comparison import Comparison, Course
    from .analyzer.errors import RelucidError
    from .analyzer.report import Report
    from .analyzer.sites import Site, find_sites

__all__ = [
    "Comparison",
    "Course",
    "RelucidError",
    "Report",
    "Site",
    "__version__",
    "analyze",
    "compare",
    "compare_chain",
    "demo",
    "find_sites",
    "merge",
]
__version__ = "0.1.0"

_HOME = {
    "analyze": "analyzer.analysis",
    "compare": "analyzer.compare",
    "compare_chain": "analyzer.compare",
    "demo": "analyzer.demo",
    "find_sites": "analyzer.sites",
    "merge": "analyzer.analysis",
    "Comparison": "analyzer.compare.comparison",
    "Course": "analyzer.compare.comparison",
    "RelucidError": "analyzer.errors",
    "Report": "analyzer.report.report",
    "Site": "analyzer.sites",
}


if not TYPE_CHECKING:  # a type checker that saw it would believe in every name

    def __getattr__(name: str) -> Any:
        """Import a public name from its home at first use (PEP 562): `import relucid` itself loads nothing."""
        if name not in _HOME:
            raise AttributeError(f"module 'relucid' has no attribute {name!r}")
        home = import_module("." + _HOME[name], __name__)
        value = home if name == "demo" else getattr(home, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
