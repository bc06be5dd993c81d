"""Which onnxruntime is here, and which of its providers really work."""

import importlib
import platform
from importlib import metadata
from typing import Any

from .errors import MissingDependencyError

WHEELS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino", "onnxruntime-qnn")


def installed_wheels() -> dict[str, str]:
    """Versions of the onnxruntime wheels pip knows of, by name."""
    found = {}
    for name in WHEELS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def onnxruntime() -> Any:
    """The module onnxruntime, once it is certain that exactly one wheel provides it.

    Raises:
        MissingDependencyError: no wheel is installed, or several are: they overwrite each other's files silently.
    """
    wheels = installed_wheels()
    if len(wheels) > 1:
        both = " and ".join(f"{name} {version}" for name, version in wheels.items())
        raise MissingDependencyError(
            f"{both} are both installed and break each other; run: "
            f"pip uninstall -y {' '.join(wheels)} && pip install onnxruntime  (or onnxruntime-gpu, not both)"
        )
    try:
        module = importlib.import_module("onnxruntime")
        module.InferenceSession  # noqa: B018 - a wheel broken by another leaves an empty package behind
    except (ImportError, AttributeError) as error:
        raise MissingDependencyError(
            f'no working onnxruntime ({error}); run: pip install "relucid[cpu]"  (or "relucid[gpu]" for CUDA, not both)'
        ) from error
    return module


def describe() -> dict[str, str]:
    """What a report says about where it was made."""
    return {
        "onnxruntime": onnxruntime().__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
