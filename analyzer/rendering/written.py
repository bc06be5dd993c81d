"""Several text files written into a folder, all or none of them, and one read back."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from ..errors import DataError, OptionError
from ..whole import whole


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
                part = all_or_none.enter_context(whole(folder / name))
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
