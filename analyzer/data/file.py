"""A file of the user's, open for reading, or one line that says why it is not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..errors import DataError


@contextmanager
def open_file(path: Path, *, source: str) -> Iterator[IO[bytes]]:
    """Open a file for its bytes.

    Args:
        path: the file.
        source: what messages call it.

    Raises:
        DataError: it is not there, or may not be read.

    >>> with open_file(Path("nowhere.npz"), source="nowhere.npz") as file:  # doctest: +IGNORE_EXCEPTION_DETAIL
    ...     file.read()
    Traceback (most recent call last):
    DataError: nowhere.npz: cannot be read: No such file or directory
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{source}: cannot be read: {error.strerror}") from error
    with file:
        yield file
