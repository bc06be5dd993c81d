"""A file appears complete or not at all, and only a regular file is ever replaced."""

import os
import stat
from pathlib import Path

import pytest

from relucid.analyzer.atomic_write import write_atomically


def write(path: Path, text: str, *, error: type[Exception] | None = None) -> None:
    with write_atomically(path) as part:
        part.write_text(text)
        if error is not None:
            raise error


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    write(path, "old")
    with pytest.raises(ZeroDivisionError):
        write(path, "ne", error=ZeroDivisionError)
    assert (names(tmp_path), path.read_text()) == (["numbers"], "old")
    write(path, "new")
    assert (names(tmp_path), path.read_text()) == (["numbers"], "new")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "latest"
    link.symlink_to(tmp_path / "far" / "numbers")
    write(link, "1")
    assert link.is_symlink()
    assert (tmp_path / "far" / "numbers").read_text() == "1"
    assert names(tmp_path / "far") == ["numbers"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files here")
def test_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    """For the superuser, /dev/null would be."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        write(tmp_path / "pipe", "1")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert names(tmp_path) == ["pipe"]
    with pytest.raises(OSError, match="not a regular file"):
        write(tmp_path, "1")
