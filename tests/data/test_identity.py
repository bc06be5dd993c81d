"""The same data is known again wherever it lies and however its path is given; other data is told apart."""

import os
from pathlib import Path

import numpy as np
import pytest

from relucid.analyzer.data import source_identity


class Given(os.PathLike):
    """A path of another library's making."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


def test_a_copy_is_the_same_however_its_path_is_given(tmp_path: Path) -> None:
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, np.arange(6.0))
    known = {source_identity(kind(tmp_path / name)) for kind in (str, Path, Given) for name in ("a.npy", "b.npy")}
    assert len(known) == 1
    assert known != {""}


@pytest.mark.parametrize("place", [0, 5_000_000, 9_999_999])
def test_a_value_at_either_end_tells_large_files_apart(tmp_path: Path, place: int) -> None:
    """Only the first and the last MiB are read: what differs in the middle alone is not told apart."""
    x = np.zeros(10_000_000, dtype=np.uint8)
    np.save(tmp_path / "a.npy", x)
    x[place] = 1
    np.save(tmp_path / "b.npy", x)
    assert (source_identity(tmp_path / "a.npy") == source_identity(tmp_path / "b.npy")) == (place == 5_000_000)


def test_of_what_cannot_be_told_cheaply_nothing_is_said(tmp_path: Path) -> None:
    assert [source_identity(source) for source in (np.zeros(3), {"x": np.zeros(3)}, tmp_path, "loader.py:f")] == [
        ""
    ] * 4
    assert source_identity("random:3") != source_identity("random:4") != ""
