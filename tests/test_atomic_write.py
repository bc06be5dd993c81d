"""A file appears whole or not at all, and nothing but a file is ever replaced by one."""

import os
import stat
from pathlib import Path

import pytest

from relucid.analyzer.atomic_write import write_atomically


def write(path: Path, text: str, *, disaster: type[Exception] | None = None) -> None:
    with write_atomically(path) as part:
        part.write_text(text)
        if disaster is not None:
            raise disaster


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    write(path, "old")
    with pytest.raises(ZeroDivisionError):
        write(path, "ne", disaster=ZeroDivisionError)
    assert (names(tmp_path), path.read_text()) == (["numbers"], "old")
    write(path, "new")
    assert (names(tmp_path), path.read_text()) == (["numbers"], "new")


def test_a_link_goes_on_leading_where_it_led(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "latest"
    link.symlink_to(tmp_path / "far" / "numbers")
    write(link, "1")
    assert link.is_symlink()
    assert (tmp_path / "far" / "numbers").read_text() == "1"
    assert names(tmp_path / "far") == ["numbers"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files here")
def test_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    """As /dev/null would be, for the superuser."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no ordinary file"):
        write(tmp_path / "pipe", "1")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert names(tmp_path) == ["pipe"]
    with pytest.raises(OSError, match="no ordinary file"):
        write(tmp_path, "1")
