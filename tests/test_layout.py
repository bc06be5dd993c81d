"""The layout: the repository root is the package, and every trap of that is closed."""

import doctest
import importlib
import importlib.util
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = {".py", ".pyc", ".cc", ".h", ".so"}  # a wheel has the native library itself, not its sources
NOT_SHIPPED = {"tests", "benchmarks", "docs", "examples", "build", "dist"}


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_only_the_face_lives_at_the_root():
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_every_package_is_named():
    """A package missing from the list works in an editable install and is absent from the wheel."""
    named = set(pyproject()["tool"]["setuptools"]["packages"])
    found = {"relucid"}
    for init in ROOT.rglob("__init__.py"):
        parts = init.parent.relative_to(ROOT).parts
        if parts and not parts[0].startswith(".") and parts[0] not in NOT_SHIPPED:
            found.add(".".join(("relucid", *parts)))
    assert named == found


def test_every_module_is_in_a_package():
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).parts
        if not parts[0].startswith(".") and parts[0] not in NOT_SHIPPED:
            assert (path.parent / "__init__.py").exists(), f"{path} is in no package"


def test_every_data_file_of_a_package_is_declared():
    declared = pyproject()["tool"]["setuptools"]["package-data"]
    shipped = {
        path.relative_to(ROOT).as_posix()
        for package, patterns in declared.items()
        for pattern in patterns
        for path in (ROOT / Path(*package.split(".")[1:])).glob(pattern)
    }
    rooms = [ROOT / room for room in ("analyzer", "plugins", "trainers")]
    data = {
        path.relative_to(ROOT).as_posix()
        for room in rooms
        for path in room.rglob("*")
        if path.is_file() and path.suffix not in CODE and "__pycache__" not in path.parts
    }
    assert data <= shipped


def test_importing_the_package_loads_nothing():
    code = (
        "import sys; before = set(sys.modules); import relucid; "
        "heavy = {'numpy', 'onnx', 'onnx_ir', 'onnxruntime', 'torch', 'rich', 'click'}; "
        "new = set(sys.modules) - before; "
        "print(sorted(m for m in new if m.partition('.')[0] in heavy or m.startswith('relucid.')))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert result.stdout.strip() == "[]"


def test_the_face_gives_what_it_lists():
    import relucid

    assert dir(relucid) == sorted(relucid.__all__)
    assert all(getattr(relucid, name) is not None for name in dir(relucid))


def test_a_type_checker_sees_the_same_names_and_no_others(monkeypatch):
    import relucid

    for name in relucid.__all__:  # their own imports are not to be done as a type checker would
        getattr(relucid, name)
    monkeypatch.setattr("typing.TYPE_CHECKING", True)
    spec = importlib.util.spec_from_file_location("relucid", ROOT / "__init__.py", submodule_search_locations=[])
    seen = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(seen)
    assert set(relucid.__all__) <= set(vars(seen))
    assert not hasattr(seen, "__getattr__")


def test_the_face_example_runs():
    import relucid

    assert doctest.testmod(relucid) == (0, 3)


def test_one_version():
    import relucid

    assert relucid.__version__ == pyproject()["project"]["version"] == metadata.version("relucid")


def test_onnx_ir_is_imported_without_sympy_and_still_computes_with_symbols():
    code = (
        "import sys, relucid.analyzer.analysis, onnx_ir; before = 'sympy' in sys.modules; "
        "print(before, onnx_ir.SymbolicDim('N') + 1, 'sympy' in sys.modules, onnx_ir._core.sympy.Integer(2) + 1)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert result.stdout.split() == ["False", "N", "+", "1", "True", "3"]


@pytest.mark.parametrize("former", ["relucid.plugins.torch.logs", "relucid.plugins.torch.transition"])
def test_a_module_that_has_moved_is_found_under_its_former_name(former):
    pytest.importorskip("torch")
    code = (
        f"import importlib, sys, warnings, relucid; warnings.simplefilter('error')\n"
        f"try: importlib.import_module({former!r})\n"
        f"except DeprecationWarning as warning: print(warning)\n"
        f"warnings.simplefilter('ignore'); module = importlib.import_module({former!r})\n"
        f"print(module is sys.modules['relucid.' + relucid._MOVED[{former.removeprefix('relucid.')!r}]])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    said, same = result.stdout.splitlines()
    assert said.startswith(f"{former} has moved to relucid.plugins.torch.")
    assert same == "True"


def test_a_module_that_has_moved_is_found_beside_a_second_copy_of_the_package(monkeypatch):
    """pytest imports the checkout under its folder's name first, which must not disable the finder of relucid."""
    pytest.importorskip("torch")
    monkeypatch.delitem(sys.modules, "relucid.plugins.torch.logs", raising=False)
    with pytest.warns(DeprecationWarning, match="has moved to relucid.plugins.torch.monitor.loggers"):
        logs = importlib.import_module("relucid.plugins.torch.logs")
    assert logs is importlib.import_module("relucid.plugins.torch.monitor.loggers")


def test_every_module_that_has_moved_is_where_the_table_says():
    import relucid

    for former, present in relucid._MOVED.items():
        assert not (ROOT / Path(*former.split("."))).with_suffix(".py").exists()
        assert (ROOT / Path(*present.split("."))).with_suffix(".py").exists(), present
