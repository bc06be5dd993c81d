"""Wanted: a framework that an adapter is for, or one line that says how to get it."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...analyzer.errors import MissingDependencyError


@contextmanager
def wanted(package: str) -> Iterator[None]:
    """Turn a failed import of a framework into one line.

    Args:
        package: the framework, as pip and relucid's extras call it.

    Raises:
        MissingDependencyError: it is not installed.

    >>> with wanted("nosuch"):  # doctest: +IGNORE_EXCEPTION_DETAIL
    ...     import nosuch
    Traceback (most recent call last):
    MissingDependencyError: this adapter needs nosuch: pip install "relucid[nosuch]"
    """
    try:
        yield
    except ImportError as error:
        raise MissingDependencyError(f'this adapter needs {package}: pip install "relucid[{package}]"') from error
