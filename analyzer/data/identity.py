"""Telling one pile of data from another without reading it."""

import hashlib
import os
from pathlib import Path
from typing import Any

from .seeded import PREFIX

_EDGE = 1 << 20


def identity(source: Any) -> str:
    """A short text that is the same for the same data, wherever it lies; empty where nothing can be said cheaply.

    Of a file: its size, its first and its last MiB. Of random data: what was asked for. Of data from Python, of loaders
    and of folders: nothing.

    >>> identity("random:8"), identity([1.0, 2.0])
    ('random:8', '')
    """
    if not isinstance(source, str | os.PathLike):
        return ""
    if str(source).startswith(PREFIX):
        return str(source)
    path = Path(source)
    if not path.is_file():
        return ""
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(_EDGE)
        file.seek(max(0, size - _EDGE))
        last = file.read(_EDGE)
    return hashlib.sha256(str(size).encode() + first + last).hexdigest()[:16]
