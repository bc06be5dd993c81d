"""`loader.py:func`: data from a function the user wrote. This runs the user's code, with all it may do."""

import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import DataError
from .feeds import Feed
from .inputs import InputSpec
from .iterables import read_iterable


def is_loader(text: str) -> bool:
    """Whether the text names a function in a Python file.

    >>> is_loader("data/loader.py:func"), is_loader("data.npz")
    (True, False)
    """
    return text.rpartition(":")[0].endswith(".py")


def read_loader(
    text: str, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None
) -> Iterator[Feed]:
    """Run the file, call the function without arguments, and read what it returns or yields like any iterable.

    The file is executed as Python: name only files that you trust. Modules beside it can be imported at its top level.
    What the function itself raises passes through unchanged.

    Args:
        text: path/loader.py:func.
        specs: the model's inputs.
        columns: keys the user chose, by input.
        labels: key of the labels in what the function yields.

    Raises:
        DataError: the file or the function is not there, the file cannot be imported, or what comes does not fit.
    """
    name, _, function = text.rpartition(":")
    path = Path(name)
    if not path.is_file():
        raise DataError(f"'{text}': no such file: {path}")
    spec = importlib.util.spec_from_file_location(f"relucid_loader_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise DataError(f"'{text}': {path} cannot be imported as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and worker processes look the module up by its name
    folder = str(path.parent.resolve())
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        raise DataError(f"'{text}': cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(folder)
    made = getattr(module, function, None)
    if not callable(made):
        raise DataError(f"'{text}': {path.name} has no function '{function}'")
    return read_iterable(made(), specs, columns=columns, labels=labels, source=text)
