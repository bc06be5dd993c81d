"""Imports point down and stay light: trainers -> plugins -> analyzer, and inside the analyzer towards the leaves."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from .test_house import absolute_imports

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {"analyzer": 0, "plugins": 1, "trainers": 2}
HEAVY = {"torch", "lightning", "transformers", "accelerate", "matplotlib", "ray"}
ROOMS_BELOW = {
    "errors": set(),
    "atomic_write": {"errors"},
    "values": set(),
    "stats": {"errors"},
    "sites": {"errors"},
    "data": {"errors"},
    "native": {"errors", "stats"},
    "demo": set(),
    "measures": {"errors", "stats", "values"},
    "model": {"passes", "sites", "errors"},
    "passes": {"sites", "errors"},
    "options": {"measures", "sites", "stats", "errors"},
    "runtime": {"model", "passes", "sites", "data", "stats", "native", "options", "errors", "atomic_write"},
    "state": {"stats", "sites", "atomic_write", "errors"},
    "report": {"values", "errors", "atomic_write"},
}
"""What each room of the analyzer may import of the others. `report/evaluation.py`, compare, analysis and the command
line are above all of them."""
ABOVE = {"compare", "analysis", "cli"}


def modules() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path):
    room = path.relative_to(ROOT).parts[0]
    for name in absolute_imports(path):
        if name[0] == "relucid" and len(name) > 1 and name[1] in ROOMS:
            assert ROOMS[name[1]] <= ROOMS[room], f"{path} imports {'.'.join(name)}"


@pytest.mark.parametrize("path", sorted((ROOT / "analyzer").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_inside_the_analyzer_imports_point_to_the_leaves(path: Path):
    inside = path.relative_to(ROOT / "analyzer").with_suffix("").parts
    part = inside[0]
    if part == "__init__" or inside == ("report", "evaluation"):
        return
    assert part in ROOMS_BELOW or part in ABOVE, f"{part} is no room of the table"
    for name in absolute_imports(path):
        if name[:2] != ("relucid", "analyzer") or len(name) < 3 or name[2] in {part, "__version__"}:
            continue
        assert part == "cli" or name[2] != "cli", f"{path} imports the command line"
        if part in ROOMS_BELOW:
            assert name[2] in ROOMS_BELOW[part], f"{path} imports {'.'.join(name)}"


@pytest.mark.parametrize("path", sorted((ROOT / "analyzer").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_analyzer_never_imports_torch(path: Path):
    """One exception: the function that exports a module handed to `analyze`."""
    if path == ROOT / "analyzer" / "model" / "loading.py":
        tops = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not any(alias.name.split(".")[0] in HEAVY for node in tops for alias in node.names)
    else:
        assert not any(name[0] in HEAVY for name in absolute_imports(path, when_typing=True))


def test_an_analysis_loads_nothing_heavy():
    code = (
        "import sys, relucid; relucid.analyze(relucid.demo.model(), relucid.demo.data(), limit=4); "
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert result.stdout.strip() == "[]"
