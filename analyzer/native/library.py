"""The shared library: where it is, whether it fits, and why not."""

import ctypes
import os
import platform
from functools import cache
from pathlib import Path

ABI = 3
"""What `relucid_abi` of the library must give: changed together with what either side expects of the other."""

SWITCH = "RELUCID_NATIVE"
BUILT = Path(__file__).with_name("relucid_native.so")


def library_path() -> Path | None:
    """The shared library with the operators, to be registered with onnxruntime; None where there is none to use."""
    return None if unavailable_reason() else BUILT


def unavailable_reason() -> str | None:
    """Why `library_path` gives none, in one line; None if it gives one.

    >>> (library_path() is None) == (unavailable_reason() is not None)
    True
    """
    if os.environ.get(SWITCH) == "0":
        return f"{SWITCH}=0 in the environment"
    return _unfit()


@cache
def loaded() -> ctypes.CDLL:
    """The library, to be called; only where `unavailable_reason` has nothing to say.

    Raises:
        OSError: there is none that this machine can load.
    """
    return ctypes.CDLL(str(BUILT))


@cache
def _unfit() -> str | None:
    """What is wrong with the library itself."""
    machine = f"{platform.system()} {platform.machine()}"
    if not BUILT.exists():
        return f"not built on {machine}: relucid was installed where there was no C++ compiler"
    try:
        found = loaded().relucid_abi()
    except (OSError, AttributeError) as error:
        return f"{BUILT.name} cannot be loaded on {machine}: {error}"
    if found != ABI:
        return f"{BUILT.name} is of another version of relucid ({found}, wanted {ABI}); install relucid again"
    return None
