"""`relucid reproduce` lists the recipes and refuses wrong options in one line."""

import sys

import pytest

pytest.importorskip("torch")
from click.testing import CliRunner, Result

from relucid.analyzer.errors import MissingDependencyError, OptionError
from relucid.trainers.recipes import RECIPES, find_recipe
from relucid.trainers.reproduce import command


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def test_recipes_are_listed_and_found():
    assert all(name in run().output for name in RECIPES)
    assert {name for name in RECIPES if find_recipe(name).run} == set(RECIPES)
    with pytest.raises(OptionError, match="moons, mnist"):
        run("cifar")
    with pytest.raises(OptionError, match="relu, relu-bn"):
        run("moons", "--methods", "sep-x")


def test_without_torch_recipes_are_listed_and_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "moons" in run().output
    with pytest.raises(MissingDependencyError, match="pip install torch"):
        run("moons")


def test_an_unusable_device_or_folder_is_one_line(tmp_path):
    with pytest.raises(OptionError, match="--device: expected one that torch can use here, such as cpu, got 'tpu9'"):
        run("moons", "--quick", "--out", tmp_path, "--device", "tpu9")
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match=r"--out: cannot make the folder .*; choose another place"):
        run("moons", "--quick", "--out", tmp_path / "file" / "deeper")


def test_numbers_separated_by_commas_are_checked():
    assert "x>=1" in run("moons", "--widths", "1,0").output
