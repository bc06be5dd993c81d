"""Find and load the shared library, or say why it cannot be used."""

import ctypes
import os
import platform
from functools import cache
from pathlib import Path

ABI = 3
"""What `relucid_abi` of the library must return; increase it whenever the interface between C++ and Python changes."""

SWITCH = "RELUCID_NATIVE"
"""The environment variable that turns native code off if it is 0."""
BUILT = Path(__file__).with_name("relucid_native.so")


def library_path() -> Path | None:
    """Return the path of the shared library, to be registered with onnxruntime; None if it cannot be used."""
    return None if unavailable_reason() else BUILT


def unavailable_reason() -> str | None:
    """Return why `library_path` is None, in one line; None if it is not.

    >>> (library_path() is None) == (unavailable_reason() is not None)
    True
    """
    if os.environ.get(SWITCH) == "0":
        return f"{SWITCH}=0 in the environment"
    return _load_error()


@cache
def load_library() -> ctypes.CDLL:
    """Return the library for calls by ctypes; check `unavailable_reason` first.

    Raises:
        OSError: this machine cannot load it.
    """
    return ctypes.CDLL(str(BUILT))


@cache
def _load_error() -> str | None:
    machine = f"{platform.system()} {platform.machine()}"
    if not BUILT.exists():
        return f"not built on {machine}: relucid was installed without a C++ compiler; install g++ and relucid again"
    try:
        abi = load_library().relucid_abi()
    except (OSError, AttributeError) as error:
        return f"{BUILT.name} cannot be loaded on {machine}: {error}"
    if abi != ABI:
        return f"{BUILT.name} is from another version of relucid (expected ABI {ABI}, got {abi}); install relucid again"
    return None
