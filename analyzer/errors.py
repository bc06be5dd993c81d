"""Errors, by what the user can correct; each message is one line: expected ..., got ...; what to do."""

import importlib
import re
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar


class RelucidError(Exception):
    """Base class of relucid's errors; the command line prints the message and exits with 2."""


class ModelError(RelucidError):
    """The model cannot be read, verified, instrumented or run."""


class DataError(RelucidError):
    """The data does not fit the model (name, dtype or shape), or its file cannot be read."""


class OptionError(RelucidError):
    """An option has an invalid value."""


class StateError(RelucidError):
    """Two states cannot be merged, or a file is not a state or is damaged."""


class MissingDependencyError(RelucidError):
    """An optional package is not installed; the message has the command that installs it."""


def import_optional(module: str, *, package: str, task: str) -> ModuleType:
    """Import a module of an optional dependency.

    Args:
        module: its dotted name.
        package: the requirement to install it with pip.
        task: what needs it, for the message.

    Raises:
        MissingDependencyError: the import failed.

    >>> import_optional("math", package="math", task="this line").sqrt(4)
    2.0
    >>> import_optional("nosuch", package="relucid[nosuch]", task="this line")  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    MissingDependencyError: this line needs nosuch: pip install "relucid[nosuch]" (No module named 'nosuch')
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        quoted = f'"{package}"' if "[" in package else package  # a shell would expand the brackets
        raise MissingDependencyError(f"{task} needs {module}: pip install {quoted} ({error})") from error


T = TypeVar("T")


def translate_errors(step: str, name: str, call: Callable[[], T]) -> T:
    """Call a function that reads a model, and raise any error of a library as a one-line ModelError.

    Args:
        step: the verb of the message "cannot <step> <name>: <cause>".
        name: name of the file in the message.
        call: the function.

    Returns:
        The result of the call.

    Raises:
        ModelError: the call failed.
    """
    try:
        return call()
    except RelucidError:
        raise
    except Exception as error:
        cause = _first_cause(error)
        raise ModelError(f"cannot {step} {name}: {explain(str(cause)) or type(cause).__name__}") from error


def _first_cause(error: BaseException) -> BaseException:
    """Return the first error of a chain of `raise ... from`."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


_IR = re.compile(r"Unsupported model IR version: (\d+), max supported IR version: (\d+)")
_OPSET = re.compile(r"Opset (\d+) is under development.*support for domain (\S+) is till opset (\d+)", re.DOTALL)
_OPERATOR = re.compile(r"(?:Fatal error: )?([\w.]+):(\w+)\(-?\d+\) is not a registered function/op")
_NOISE = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : \w+ : |\S*/\S+\.(?:cc|h):\d+ .*?\) (?=[A-Z])|\x1b\[[\d;]*m|\[Errno \d+\] "
)


def explain(message: str) -> str:
    """Return the line of a library's error message that states the cause; a known cause is explained, with a remedy.

    >>> explain("FAIL : model.cc:1 Unsupported model IR version: 14, max supported IR version: 13")
    'the model has IR version 14, the installed onnxruntime reads up to 13; export it again with an older IR version'
    """
    if found := _IR.search(message):
        return (
            f"the model has IR version {found[1]}, the installed onnxruntime reads up to {found[2]}; "
            "export it again with an older IR version"
        )
    if found := _OPSET.search(message):
        return (
            f"the model has opset {found[1]} of {found[2]}, the installed onnxruntime reads up to {found[3]}; "
            "export it again with an older opset"
        )
    if found := _OPERATOR.search(message):
        return f"onnxruntime has no operator {found[2]} of the domain {found[1]}; give its library with --custom-ops"
    lines = [line.strip() for line in _NOISE.sub("", message).splitlines() if line.strip()]
    return lines[0] if lines else ""
