"""Load an untrusted file as a checked `onnx_ir.Model`."""

from .loading import Model, load, parse

__all__ = ["Model", "load", "parse"]


def __dir__() -> list[str]:
    return sorted(__all__)
