"""A library that is missing, cannot be loaded or is from another version is not used, and one line says why."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

native = import_module("relucid.analyzer.native.library")


@pytest.fixture(autouse=True)
def _without_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clear the cached result: in these tests the library changes."""
    monkeypatch.delenv(native.SWITCH, raising=False)
    remembered = (native.load_library, native._load_error)
    for each in remembered:
        each.cache_clear()
    yield
    for each in remembered:
        each.cache_clear()


def test_one_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an update of the sources without a new build: the interface may have changed."""
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
