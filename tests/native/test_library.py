"""A library that is not there, cannot be loaded or is of another version is left alone, and one line says why."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

native = import_module("relucid.analyzer.native.library")  # the package gives out its function by the same name


@pytest.fixture(autouse=True)
def _looked_at_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is found out of a library is remembered; here it changes."""
    monkeypatch.delenv(native.SWITCH, raising=False)
    remembered = (native.load_library, native._load_error)
    for each in remembered:
        each.cache_clear()
    yield
    for each in remembered:
        each.cache_clear()


def test_one_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a pull, where the library was built before it: its numbers would be read as what they are not."""
    if native.unavailable_reason() is not None:
        pytest.skip(f"no native code: {native.unavailable_reason()}")
    native._load_error.cache_clear()
    monkeypatch.setattr(native, "ABI", native.ABI + 1)
    assert native.library_path() is None
    assert f"another version of relucid (expected ABI {native.ABI}, got {native.ABI - 1}); install relucid again" in (
        native.unavailable_reason() or ""
    )


def test_one_that_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(native, "BUILT", tmp_path / "relucid_native.so")
    assert "not built on" in (native.unavailable_reason() or "")
    native._load_error.cache_clear()
    native.BUILT.write_bytes(b"no library")
    assert "cannot be loaded on" in (native.unavailable_reason() or "")
    assert native.library_path() is None
