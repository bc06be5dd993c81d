"""Atomic writing: a file is written completely or not at all."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .errors import OptionError


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Context manager for a temporary path in the same folder, renamed to `path` if the block succeeds.

    A symbolic link is followed: its target is replaced.

    Raises:
        OSError: the path exists and is not a regular file (a folder, a device), or cannot be written.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "numbers.txt"
    >>> with write_atomically(target) as part:
    ...     _ = part.write_text("1 2 3")
    >>> target.read_text(), len(list(target.parent.iterdir()))
    ('1 2 3', 1)
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_all(folder: Path, texts: Mapping[str, str]) -> tuple[Path, ...]:
    """Write each text to the file of its name in the folder: all files or none.

    Args:
        folder: created if it does not exist.
        texts: by file name.

    Returns:
        The paths, in the order of `texts`.

    Raises:
        OptionError: the folder cannot be written to.

    >>> import tempfile
    >>> [path.name for path in write_all(Path(tempfile.mkdtemp()), {"a.txt": "1"})]
    ['a.txt']
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as all_or_none:
            for name, text in texts.items():
                part = all_or_none.enter_context(write_atomically(folder / name))
                part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise OptionError(f"cannot write into {folder}: {error.strerror}; choose another folder") from error
    return tuple(folder / name for name in texts)
