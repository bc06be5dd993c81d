"""Fixtures shared by all tests: third-party models and data, which are never part of the project."""

import json
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def _folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"third-party {name} are not beside the project (looked for {folder.parent.name}/{name})")
    return folder


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """Folder of trained models other people made."""
    return _folder("models")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of labelled data sets other people made."""
    return _folder("data")


@pytest.fixture(scope="session")
def manifest(shared_models: Path) -> dict[str, dict]:
    """What is known of each shared model, by name."""
    return {row["name"]: row for row in json.loads((shared_models / "manifest.json").read_text())["models"]}
