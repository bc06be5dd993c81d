"""The house: how many modules a folder has, how long files are, what is public, and that nothing has two names.

Run as a script, it prints the figures: `python tests/test_house.py [ROOT]`.
"""

import ast
import builtins
import statistics
import sys
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("analyzer", "plugins", "trainers")
LOOSE = {"__init__", "analysis", "atomic_write", "errors", "options"}
SHORT = 60
SHORT_ON_PURPOSE = {
    "plugins.psb.torch.gumbel": "a formula",
    "trainers.datasets.checkboard": "data of a figure",
    "trainers.datasets.gaussians": "data of a figure",
    "trainers.nets.counting": "a formula",
}
"""Files under `SHORT` lines that one other file imports, and why each is a file of its own."""


@cache
def files(root: Path = ROOT) -> dict[str, Path]:
    """Every file of the package by the name of its module."""
    found = {}
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def absolute_imports(path: Path, root: Path = ROOT, *, when_typing: bool = False) -> list[tuple[str, ...]]:
    """Every import of a file as the parts of an absolute name, the imported name last; also inside functions.

    Imports for type checkers only are left out unless `when_typing`.
    """
    here = ("relucid", *path.relative_to(root).with_suffix("").parts)
    guards = [node for node in ast.walk(tree(path)) if isinstance(node, ast.If)]
    typing = {node for guard in guards if ast.unparse(guard.test) == "TYPE_CHECKING" for node in ast.walk(guard)}
    found: list[tuple[str, ...]] = []
    for node in ast.walk(tree(path)):
        if node in typing and not when_typing:
            continue
        if isinstance(node, ast.Import):
            found.extend(tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level] if node.level else ()
            module = tuple(node.module.split(".")) if node.module else ()
            found.extend((*base, *module, alias.name) for alias in node.names)
    return found


def imported(name: str, root: Path = ROOT) -> set[str]:
    """The modules of the package that a module imports, also inside functions and for type checkers only."""
    modules = files(root)
    own = [parts[1:] for parts in absolute_imports(modules[name], root, when_typing=True) if parts[0] == "relucid"]
    found = {".".join(parts) if ".".join(parts) in modules else ".".join(parts[:-1]) for parts in own}
    return found & set(modules) - {name}


def imports(root: Path = ROOT) -> "nx.DiGraph[str]":
    """Which module imports which."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(files(root))
    graph.add_edges_from((name, other) for name in files(root) for other in imported(name, root))
    return graph


def circles(root: Path = ROOT) -> list[set[str]]:
    return [circle for circle in nx.strongly_connected_components(imports(root)) if len(circle) > 1]


def classes(root: Path = ROOT) -> int:
    return sum(isinstance(node, ast.ClassDef) for path in files(root).values() for node in ast.walk(tree(path)))


def short_files(root: Path = ROOT) -> list[str]:
    """Files under `SHORT` lines that no more than one other file imports, entry points of a package apart."""
    graph = imports(root)
    return [
        name
        for name, path in files(root).items()
        if path.name != "__init__.py" and lines(path) < SHORT and graph.in_degree(name) == 1
    ]


def folders(root: Path = ROOT) -> dict[Path, list[str]]:
    """The modules of every folder, its `__init__` left out."""
    found: dict[Path, list[str]] = {}
    for path in files(root).values():
        found.setdefault(path.parent, []).extend([path.stem] if path.stem != "__init__" else [])
    return found


def public(path: Path) -> set[str]:
    """Names that a module defines or imports at its top, as a package's importers see them."""
    names: set[str] = set()
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom) and node.level:
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def test_the_analyzer_has_four_loose_modules() -> None:
    assert {path.stem for path in (ROOT / "analyzer").glob("*.py")} == LOOSE


@pytest.mark.parametrize("folder", list(folders()), ids=lambda folder: str(folder.relative_to(ROOT)))
def test_no_folder_is_crowded(folder: Path) -> None:
    assert len(folders()[folder]) <= 15


@pytest.mark.parametrize("path", list(files().values()), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_long(path: Path) -> None:
    assert lines(path) <= 300


def test_a_short_file_with_one_importer_is_short_on_purpose() -> None:
    assert set(short_files()) == set(SHORT_ON_PURPOSE)


def test_files_are_of_a_size_to_read() -> None:
    assert 100 <= statistics.median(lines(path) for path in files().values() if path.name != "__init__.py") <= 200


def test_classes_are_few() -> None:
    assert classes() <= 160


def test_no_two_classes_have_one_name() -> None:
    """But the callbacks of Lightning and transformers, which users of one framework or the other import."""
    names = [node.name for path in files().values() for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    assert {name for name in names if names.count(name) > 1} == {"RelucidCallback"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles() == []


@pytest.mark.parametrize("folder", list(folders()), ids=lambda folder: str(folder.relative_to(ROOT)))
def test_no_module_hides_another_name(folder: Path) -> None:
    """No module is called like one of the standard library or a builtin, nor like a function beside or inside it."""
    taken = public(folder / "__init__.py")
    for stem in folders()[folder]:
        assert stem not in sys.stdlib_module_names | set(dir(builtins)), f"{folder / stem} hides a name of Python"
        assert stem not in taken, f"{folder} has a name {stem}, which hides its module"
        own = {node.name for node in tree(folder / f"{stem}.py").body if isinstance(node, ast.FunctionDef)}
        assert stem not in own, f"{folder / stem}: a function is called like its module"


@pytest.mark.parametrize("folder", list(folders()), ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_room_says_what_is_public(folder: Path) -> None:
    """A package that offers names lists them, and shows no others to `dir`."""
    names = {name for name in public(folder / "__init__.py") if not name.startswith("_")}
    listed = [
        ast.literal_eval(node.value)
        for node in tree(folder / "__init__.py").body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    defines = [node for node in tree(folder / "__init__.py").body if isinstance(node, ast.FunctionDef)]
    assert listed or not names, f"{folder} has no __all__"
    if listed:
        assert any(node.name == "__dir__" for node in defines), f"{folder} has no __dir__"


if __name__ == "__main__":
    at = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    sizes = {path: lines(path) for path in files(at).values() if path.name != "__init__.py"}
    longest = max(sizes, key=lambda path: sizes[path])
    print(f"modules: {len(sizes)}; median lines: {statistics.median(sizes.values()):.0f}; classes: {classes(at)}")
    print(f"longest: {longest.relative_to(at)} with {sizes[longest]} lines; import circles: {len(circles(at))}")
    print(f"under {SHORT} lines with one importer: {len(short_files(at))}: {', '.join(short_files(at))}")
    for folder, modules in sorted(folders(at).items()):
        print(f"  {folder.relative_to(at)}: {len(modules)}")
