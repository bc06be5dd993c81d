"""What can go wrong, by who can mend it: each error is one line that says what was wanted, what came, what to do."""

import importlib
from types import ModuleType


class RelucidError(Exception):
    """Base of every error relucid raises on purpose; the command line prints it in one line and exits with 2."""


class ModelError(RelucidError):
    """The model file cannot be read, trusted, instrumented or run."""


class DataError(RelucidError):
    """The data does not fit the model: a wrong name, dtype or shape, or a file that cannot be read."""


class OptionError(RelucidError):
    """An option has a value that cannot be meant."""


class StateError(RelucidError):
    """Two states cannot be merged, or a state file is not ours or is damaged."""


class MissingDependencyError(RelucidError):
    """An optional package is absent; the message holds the pip command."""


def wanted(module: str, *, package: str, task: str) -> ModuleType:
    """An optional module, imported.

    Args:
        module: its dotted name.
        package: what pip calls what it comes with.
        task: what wants it.

    Raises:
        MissingDependencyError: it cannot be imported.

    >>> wanted("math", package="math", task="this line").sqrt(4)
    2.0
    >>> wanted("nosuch", package="relucid[nosuch]", task="this line")  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    MissingDependencyError: this line wants nosuch: pip install "relucid[nosuch]" (No module named 'nosuch')
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        quoted = f'"{package}"' if "[" in package else package  # which shells would take for a pattern
        raise MissingDependencyError(f"{task} wants {module}: pip install {quoted} ({error})") from error
