"""What can go wrong, by who can mend it: each error is one line that says what was wanted, what came, what to do."""

import importlib
import re
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar


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


def import_optional(module: str, *, package: str, task: str) -> ModuleType:
    """An optional module, imported.

    Args:
        module: its dotted name.
        package: what pip calls what it comes with.
        task: what wants it.

    Raises:
        MissingDependencyError: it cannot be imported.

    >>> import_optional("math", package="math", task="this line").sqrt(4)
    2.0
    >>> import_optional("nosuch", package="relucid[nosuch]", task="this line")  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    MissingDependencyError: this line wants nosuch: pip install "relucid[nosuch]" (No module named 'nosuch')
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        quoted = f'"{package}"' if "[" in package else package  # which shells would take for a pattern
        raise MissingDependencyError(f"{task} wants {module}: pip install {quoted} ({error})") from error


T = TypeVar("T")


def translate_errors(step: str, name: str, call: Callable[[], T]) -> T:
    """Call what reads an untrusted file; whatever a library raises becomes one line that names the file and the step.

    Args:
        step: what is tried, as in "cannot <step> <name>".
        name: the file, as the user knows it.
        call: what to do.

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
    """The error that began a chain: the ones raised from it only say where it passed by."""
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
    """The first useful line of a library's message, said in the user's terms where the cause is known.

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
        return f"onnxruntime has no operator {found[2]} of the domain {found[1]}; name its library with --custom-ops"
    lines = [line.strip() for line in _NOISE.sub("", message).splitlines() if line.strip()]
    return lines[0] if lines else ""
