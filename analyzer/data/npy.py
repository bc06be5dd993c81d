"""An .npy file: one array for a model with one input, mapped and never read as a whole."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .conform import conform
from .feeds import Feed
from .file import open_file
from .header import read_header
from .inputs import InputSpec
from .mapped import Mapped
from .naming import only_input


def read_npy(
    path: Path, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None
) -> Iterator[Feed]:
    """Feeds of the one array in the file.

    Raises:
        DataError: the file is not an .npy array, the model has several inputs, or the array does not fit.
    """
    spec = only_input(specs, columns=columns, labels=labels, source=path.name)
    return conform({spec.name: map_npy(path)}, specs, source=path.name)


def map_npy(path: Path) -> Mapped:
    """The array of an .npy file as rows.

    Raises:
        DataError: the file cannot be read, or is not an .npy array.
    """
    with open_file(path, source=path.name) as stream:
        header = read_header(stream, length=path.stat().st_size, source=path.name)
    return Mapped(path, header, header.size)
