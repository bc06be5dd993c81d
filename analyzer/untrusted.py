"""The one door to files nobody vouches for: every parse, check, shape inference and session goes through `touch`.

What happens behind the door is a plain call today; it is in one place so that it can move into a worker process with
limits without a change anywhere else.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from .errors import ModelError, RelucidError

T = TypeVar("T")


def touch(step: str, name: str, call: Callable[[], T]) -> T:
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
