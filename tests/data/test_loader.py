"""Data from a function in the user's own file."""

import sys

import pytest

from relucid.analyzer.data import open_data
from relucid.analyzer.errors import DataError

CODE = """
from __future__ import annotations
from dataclasses import dataclass
import numpy as np
from beside_the_loader import COUNT

@dataclass
class Settings:
    count: int = COUNT

def dicts():
    for number in range(Settings().count):
        yield {"x": np.full((2, 1, 4, 5), number, "f4"), "y": np.array([number, number])}

def pairs():
    return [(record["x"], record["y"]) for record in dicts()]

def array():
    return np.concatenate([record["x"] for record in dicts()])

def broken():
    yield {"x": np.zeros((2, 1, 4, 5), "f4")}
    raise KeyError("mine")

number = 3
"""


@pytest.fixture
def loader(tmp_path):
    (tmp_path / "loader.py").write_text(CODE)
    (tmp_path / "beside_the_loader.py").write_text("COUNT = 3\n")
    yield tmp_path / "loader.py"
    sys.modules.pop("beside_the_loader", None)
    sys.modules.pop("relucid_loader_loader", None)


@pytest.mark.parametrize("function", ["dicts", "pairs", "array"])
def test_what_the_function_makes_is_read(loader, images, whole, function, monkeypatch):
    (loader.parent / "elsewhere").mkdir()
    (loader.parent / "elsewhere" / "beside_the_loader.py").write_text("COUNT = 1\n")
    monkeypatch.syspath_prepend(loader.parent / "elsewhere")
    path = list(sys.path)
    found = whole(open_data(f"{loader}:{function}", images, labels="y" if function == "dicts" else None), images)
    assert found["x"][:, 0, 0, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert ("labels" in found) == (function != "array")
    assert sys.path == path


def test_what_the_function_raises_passes_through(loader, images):
    with pytest.raises(KeyError, match="mine"):
        list(open_data(f"{loader}:broken", images))


def test_messages_name_the_loader(loader, images):
    with pytest.raises(DataError, match=r"loader.py:dicts, item 0: labels want array 'z', which is not among 'x', 'y'"):
        list(open_data(f"{loader}:dicts", images, labels="z"))


def test_refusals(loader, images):
    (loader.parent / "bad.py").write_text("def broken(:\n")
    (loader.parent / "absent.py").write_text("import no_such_module_at_all\n")
    for text, wanted in [
        (f"{loader}:none", "loader.py has no function 'none'"),
        (f"{loader}:number", "loader.py has no function 'number'"),
        (f"{loader.parent / 'missing.py'}:f", "no such file"),
        (f"{loader.parent / 'bad.py'}:f", "cannot be imported: SyntaxError"),
        (f"{loader.parent / 'absent.py'}:f", "cannot be imported: ModuleNotFoundError: No module named"),
    ]:
        with pytest.raises(DataError, match=wanted) as caught:
            open_data(text, images)
        assert "\n" not in str(caught.value)


def test_a_loader_is_run_only_when_a_function_is_named(loader, images):
    with pytest.raises(DataError, match=rf"name the function: {loader}:FUNC"):
        open_data(str(loader), images)
