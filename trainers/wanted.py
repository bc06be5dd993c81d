"""Optional packages, imported where they are used: what is missing is one line that says how to install it."""

import importlib
from types import ModuleType

from ..analyzer.errors import MissingDependencyError


def wanted(module: str, *, package: str, task: str) -> ModuleType:
    """The module, imported.

    Args:
        module: its dotted name.
        package: what pip calls it.
        task: what it is wanted for.

    Raises:
        MissingDependencyError: the package is not installed.

    >>> wanted("math", package="math", task="roots").sqrt(4)
    2.0
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(f"{task} wants {package}: pip install {package}") from error
