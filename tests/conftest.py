"""Fixtures for all tests: small graphs, and third-party models and data outside the repository."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import onnx

    from relucid.analyzer.sites import Site

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def _folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"third-party {name} are not next to the repository (looked for {folder.parent.name}/{name})")
    return folder


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """Folder of trained third-party models."""
    return _folder("models")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of labelled third-party data sets."""
    return _folder("data")


@pytest.fixture(scope="session")
def manifest(shared_models: Path) -> dict[str, dict]:
    """The entry of each shared model in the manifest, by name."""
    return {row["name"]: row for row in json.loads((shared_models / "manifest.json").read_text())["models"]}


@pytest.fixture(scope="session")
def text_model() -> Callable[..., "onnx.ModelProto"]:
    """Function that parses the text form of ONNX: `text_model("g (float[N] x) => (float[N] y) { y = Relu(x) }")`."""
    import onnx.parser

    def build(text: str, *, opset: int = 17, ir_version: int = 8, domains: dict[str, int] | None = None):
        imports = ", ".join(f'"{domain}": {version}' for domain, version in {"": opset, **(domains or {})}.items())
        return onnx.parser.parse_model(f"<ir_version: {ir_version}, opset_import: [{imports}]> {text}")

    return build


@pytest.fixture(scope="session")
def sites_of(text_model) -> Callable[..., tuple["Site", ...]]:
    """Function that returns the sites of a model in text form; options as for `text_model`."""
    from relucid.analyzer.model import load
    from relucid.analyzer.sites import find_sites

    return lambda text, **options: find_sites(load(text_model(text, **options)).ir)
