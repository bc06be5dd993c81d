"""A rewritten model as one file."""

import os
from pathlib import Path

import onnx_ir as ir

from ...analyzer.atomic_write import write_atomically
from ...analyzer.errors import OptionError, translate_errors
from .rewritten import Rewritten


def save(model: Rewritten, path: str | os.PathLike[str]) -> None:
    """Write a rewritten model to one file, whole or not at all; weights that stayed in float are in it too.

    Raises:
        ModelError: it is too large for one file.
        OptionError: the file cannot be written.
    """
    copy = model.ir.clone()
    ir.external_data.load_to_model(copy)
    data = translate_errors("write", str(path), lambda: ir.to_proto(copy).SerializeToString())
    try:
        with write_atomically(Path(path)) as part:
            part.write_bytes(data)
    except OSError as error:
        raise OptionError(f"cannot write {path}: {error.strerror}; choose another place") from error
