"""A file that appears whole or not at all."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .errors import DataError, OptionError


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Give out a place beside the path to write to; it takes the path's name once the block ends well.

    A link is followed: what it leads to is written.

    Raises:
        OSError: the path leads to something that is no file, as a folder or a device is, or cannot be written.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "numbers.txt"
    >>> with write_atomically(target) as part:
    ...     _ = part.write_text("1 2 3")
    >>> target.read_text(), len(list(target.parent.iterdir()))
    ('1 2 3', 1)
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_all(folder: Path, texts: Mapping[str, str]) -> tuple[Path, ...]:
    """Write each text under its name into the folder, which is made if it does not exist.

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


def read_back(path: Path, name: str) -> tuple[str, str]:
    """The text of a file and where it was found; the path may be the folder that holds it under this name.

    Raises:
        DataError: it cannot be read.
    """
    file = path / name if path.is_dir() else path
    try:
        return file.read_text(encoding="utf-8"), str(file)
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not a report: not UTF-8 text") from error
    except OSError as error:
        raise DataError(f"cannot read the report {file}: {error.strerror}; `--out` writes one") from error
