"""An .npz file: one array for each input, by name; stored members are mapped, compressed ones streamed in slices."""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from ..errors import DataError
from .conform import conform
from .feeds import Feed
from .inputs import InputSpec
from .members import BROKEN, open_member
from .naming import keys_of
from .rows import Rows


def read_npz(
    path: Path, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None
) -> Iterator[Feed]:
    """Feeds of the arrays whose keys are the input names, or that `columns` names; the others are not touched.

    Args:
        path: the file.
        specs: the model's inputs; a lone input takes a lone array whatever its key.
        columns: keys the user chose, by input.
        labels: key of the labels in the same file.

    Raises:
        DataError: the file is damaged, an array is missing, holds objects, or does not fit its input.
    """
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            keys = keys_of(members, specs, columns=columns, labels=labels, source=path.name)
            axes = {spec.name: spec.sample_axis for spec in specs}

            def opened(key: str, axis: int | None) -> Rows:
                return open_member(archive, members[key], path, axis=axis, stack=stack)

            rows = {name: opened(key, axes[name]) for name, key in keys.items()}
            classes = None if labels is None else opened(labels, 0)
            yield from conform(rows, specs, source=path.name, labels=classes)
        except BROKEN as error:
            raise DataError(f"{path.name}: damaged or not an .npz file ({error})") from error


def read_only_array(path: Path) -> Rows:
    """The one array of an .npz file, whole.

    Raises:
        DataError: the file is damaged or holds another number of arrays.
    """
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
            members = archive.infolist()
            if len(members) != 1:
                raise DataError(f"{path.name}: wants one array, came {len(members)}")
            return open_member(archive, members[0], path, axis=None, stack=stack)
        except BROKEN as error:
            raise DataError(f"{path.name}: damaged or not an .npz file ({error})") from error
